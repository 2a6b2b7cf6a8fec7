/**
 * The entry of the extension: a container of module federation, as JupyterLab loads them, written by hand. There is no
 * build: these files are what the browser runs. Modules come from what JupyterLab shares, so that there is one of each.
 */
(() => {
    const directory = document.currentScript.src.replace(/[^/]*$/, "");
    let shared = null;

    /** The module that JupyterLab uses under this name: what is loaded already, else the newest. */
    async function module(name) {
        const versions = Object.entries(shared[name] ?? {});
        if (versions.length === 0) {
            throw new Error(`kernwerk: JupyterLab does not share ${name}`);
        }
        const newest = ([one], [other]) => other.localeCompare(one, undefined, { numeric: true });
        const [, found] = versions.find(([, version]) => version.loaded) ?? versions.sort(newest)[0];
        return (await found.get())();
    }

    async function extension() {
        const [{ highlighting }, verbs, codemirror, language, common, highlight] = await Promise.all([
            import(`${directory}plugin.js`),
            fetch(`${directory}verbs.json`).then((answer) => answer.json()),
            module("@jupyterlab/codemirror"),
            module("@codemirror/language"),
            module("@lezer/common"),
            module("@lezer/highlight"),
        ]);
        return { __esModule: true, default: highlighting(verbs, { codemirror, language, common, highlight }) };
    }

    window._JUPYTERLAB ??= {};
    window._JUPYTERLAB.kernwerk = {
        init(scope) {
            shared = scope;
        },
        async get(name) {
            if (name !== "./extension") {
                throw new Error(`kernwerk: there is no module ${name}`);
            }
            const found = await extension();
            return () => found;
        },
    };
})();
