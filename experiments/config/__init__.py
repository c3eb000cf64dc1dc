"""`RunConfig`: the settings of a run, how they are read, and which of them are refused."""
