// Where the server is: a proxy may add a prefix, and the page's own address changes with navigation. This file came from
// `<server>/live/modules/<version>/shared/`, so the server's own address is four folders up.

const SERVER = new URL("../../../../", import.meta.url);

export const serverUrl = (path) => new URL(path, SERVER).href;
