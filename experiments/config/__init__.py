"""`RunConfig`: what decides a run, how it is read, and what is refused."""
