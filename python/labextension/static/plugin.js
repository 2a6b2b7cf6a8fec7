/** The plugin of JupyterLab: cells with magics have colours, in notebooks of the kernel and in those of IPython. */

import { cellLanguage } from "./parser.js";

/** What the kernel calls its language for editors, in `codemirror_mode`. */
const NAME = "kernwerk";

/** The plugin, made with the modules that JupyterLab shares; `verbs` are those of the program. */
export function highlighting(verbs, { codemirror, ...libraries }) {
    const { LanguageSupport } = libraries.language;

    async function support(languages, host, registered) {
        const found = (await languages.getLanguage(registered)).support;
        return new LanguageSupport(cellLanguage(host, found.language, verbs, languages, libraries), found.support);
    }

    return {
        id: "kernwerk:highlighting",
        description: "Colours for cells with Kernwerk's magics.",
        autoStart: true,
        requires: [codemirror.IEditorLanguageRegistry],
        activate(application, languages) {
            languages.addLanguage({
                name: NAME,
                displayName: "Kernwerk",
                mime: "text/x-kernwerk",
                load: () => support(languages, "rust", "Rust"),
            });
            // IPython's cells have an entry of their own beside Python's files. A second one for them is refused, so
            // this one loads Python with our magics; a cell without magics is Python's as before.
            const ipython = languages.findByName("ipython");
            if (ipython !== null) {
                const plain = ipython.load.bind(ipython);
                ipython.load = () => support(languages, "python", "Python").catch(plain);
            }
        },
    };
}
