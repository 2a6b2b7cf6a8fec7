/**
 * A CodeMirror language for cells with magics: a syntax tree of magics, words and bodies, in which bodies and the code
 * between magics are parsed by the languages that they are written in.
 */

import { split } from "./cells.js";

/** What parts of a magic look like. Plain words have no node. */
const LOOKS = (tags) => ({
    Sign: tags.operator,
    Magic: tags.keyword,
    Verb: tags.standard(tags.variableName),
    Help: tags.operator,
    Option: tags.attributeName,
    String: tags.string,
    Number: tags.number,
    Arrow: tags.operator,
    Name: tags.definition(tags.variableName),
});

/** A cell without such a line is code and nothing else. */
const MAY_HOLD_MAGICS = /^\s*%%?[A-Za-z]/m;

/** What JupyterLab calls the languages of bodies. The SQL of the lab is close to PostgreSQL's. */
const REGISTERED = { sql: "PostgreSQL", yaml: "YAML" };

/**
 * The language of cells whose code is `host` (`rust` or `python`), which `hostLanguage` parses.
 *
 * `libraries` are CodeMirror's modules as JupyterLab has loaded them; `languages` is its registry, from which the
 * languages of bodies are loaded when a cell has one.
 */
export function cellLanguage(host, hostLanguage, verbs, languages, libraries) {
    const { Language, defineLanguageFacet, languageDataProp, indentNodeProp, ParseContext } = libraries.language;
    const { Parser, Tree, NodeType, NodeSet, parseMixed } = libraries.common;
    const { styleTags, tags } = libraries.highlight;

    const data = defineLanguageFacet();
    const names = ["Cell", "Code", "Line", "Body", "Query", ...Object.keys(LOOKS(tags))];
    const types = names.map((name, id) => NodeType.define({ id, name, top: name === "Cell" }));
    const nodes = new NodeSet(types).extend(
        styleTags(LOOKS(tags)),
        languageDataProp.add({ Cell: data }),
        // A new line begins below the one before it.
        indentNodeProp.add({ Cell: () => null }),
    );
    const type = Object.fromEntries(nodes.types.map((node) => [node.name, node]));
    const loading = new Map();

    /** The parser of a body's language; while that is being loaded, one that comes back to the text later. */
    function parserOf(name) {
        const registered = languages.findByName(REGISTERED[name] ?? name);
        if (registered === null) {
            return null;
        }
        if (registered.support) {
            return registered.support.language.parser;
        }
        if (!loading.has(name)) {
            const loaded = languages.getLanguage(registered.name);
            loaded.catch((error) => console.warn(`kernwerk: the language ${name} cannot be loaded`, error));
            loading.set(name, ParseContext.getSkippingParser(loaded));
        }
        return loading.get(name);
    }

    /** Children that lie at `positions`, from `from` on, as one tree. */
    function node(of, from, to, children = []) {
        const positions = children.map((child) => child.from - from);
        return { from, to, tree: new Tree(of, children.map((child) => child.tree), positions, to - from) };
    }

    function magicLine(part, offset, foreign) {
        const tokens = part.tokens.map((token) => {
            const name = token.type[0].toUpperCase() + token.type.slice(1);
            const found = node(type[name] ?? type.Query, offset + token.from, offset + token.to);
            if (type[name] === undefined) {
                foreign.set(found.tree, token.type);
            }
            return found;
        });
        return node(type.Line, offset + part.from, offset + part.to, tokens);
    }

    /** The tree of magics; `foreign` is told in which language its leaves are that have one. */
    function structure(text, offset, foreign) {
        const children = [];
        for (const part of split(text, host, verbs)) {
            if (part.type === "code") {
                children.push(node(type.Code, offset + part.from, offset + part.to));
                continue;
            }
            children.push(magicLine(part, offset, foreign));
            if (part.body !== null) {
                const body = node(type.Body, offset + part.body.from, offset + part.body.to);
                if (part.body.language !== null) {
                    foreign.set(body.tree, part.body.language);
                }
                children.push(body);
            }
        }
        return node(type.Cell, offset, offset + text.length, children).tree;
    }

    /**
     * Which parser continues in a node. Python's statements go on behind a magic; Rust's do not, for the kernel runs
     * what is before a magic and what is behind it apart.
     */
    function inner(at, foreign) {
        if (at.type === type.Cell && host === "python") {
            const code = at.node.getChildren("Code").map(({ from, to }) => ({ from, to }));
            return code.length > 0 ? { parser: hostLanguage.parser, overlay: code } : null;
        }
        if (at.type === type.Code) {
            return host === "python" ? null : { parser: hostLanguage.parser };
        }
        const parser = foreign.has(at.tree) ? parserOf(foreign.get(at.tree)) : null;
        return parser === null ? null : { parser };
    }

    /** Reads a whole cell in one step: a cell is short, and its parts are parsed anew only where they changed. */
    class CellParser extends Parser {
        createParse(input, fragments, ranges) {
            const from = ranges[0].from;
            const to = ranges.at(-1).to;
            if (!MAY_HOLD_MAGICS.test(input.read(from, to))) {
                return hostLanguage.parser.createParse(input, fragments, ranges);
            }
            const foreign = new Map();
            const whole = {
                parsedPos: from,
                stoppedAt: null,
                stopAt(position) {
                    this.stoppedAt = position;
                },
                advance() {
                    this.parsedPos = Math.min(to, this.stoppedAt ?? to);
                    return structure(input.read(from, this.parsedPos), from, foreign);
                },
            };
            return parseMixed((at) => inner(at, foreign))(whole, input, fragments, ranges);
        }
    }

    return new Language(data, new CellParser(), [], host === "rust" ? "kernwerk" : host);
}
