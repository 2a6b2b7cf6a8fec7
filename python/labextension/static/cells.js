/**
 * Splits a cell into magics and the code between them, and magics into words: where the colours go.
 *
 * The lines that are magics are those of magics/lang/src/split.rs. Nothing here is an error: what cannot be read has no
 * colour. `kernwerk_pygments.py` does the same in Python, and a test compares the two.
 */

const MAGIC = /^\s*(%%?)([A-Za-z][^\s"']*)/;
const BODY_END = /^%%[A-Za-z]/;
const CONTINUES = /\\\s*$/;
const WORD = /\\[^\S\n]*(?:\n|$)|(?<word>(?:"(?:\\.|[^"\\])*"?|'[^']*'?|(?!\\[^\S\n]*(?:\n|$))[^\s"'])+)|\s+/gsu;
const QUOTED = /"(?:\\.|[^"\\])*"?|'[^']*'?/gsu;
const OPTION = /^--?[A-Za-z][\w-]*/;
const NUMBER = /^\d+(?:\.\d+)?[A-Za-z]*$/;

const either = (...patterns) => new RegExp(patterns.map(({ source }) => source).join("|"), "suy");
// A word is read at once, so that the `r` of `bar"` starts no raw string.
const REST = /(?<open>[([{])|(?<close>[)\]}])|[\p{Alphabetic}\p{N}_]+|./u;

/** The languages in which magics stand: what code is made of, as far as brackets, strings and comments go. */
const HOSTS = {
    rust: {
        code: either(
            /\/\/.*|(?<comment>\/\*)/,
            /(?:br|cr|r)(?<raw>#*)"|(?<text>")/,
            /'(?:\\.(?:[^']*')?|[^\\]')?/,
            REST,
        ),
        enter(found) {
            if (found.comment !== undefined) {
                return /(?<in>\/\*)|(?<out>\*\/)|./suy;
            }
            if (found.raw !== undefined) {
                return new RegExp(`(?<out>"${found.raw})|.`, "suy");
            }
            return found.text === undefined ? null : /\\.?|(?<out>")|[^\\"]+/suy;
        },
    },
    python: {
        code: either(
            /#.*|(?<triple>"""|''')/,
            /"(?:\\.|[^"\\])*(?:"|\\?$)|'(?:\\.|[^'\\])*(?:'|\\?$)/,
            REST,
        ),
        enter(found) {
            return found.triple === undefined ? null : new RegExp(`\\\\.?|(?<out>${found.triple})|.`, "suy");
        },
    },
};

/** Follows code line by line, just closely enough to know whether a line begins inside something. */
class Scanner {
    constructor(host) {
        this.host = host;
        this.depth = 0;
        // What the line's beginning lies in, with its own pattern, and how deep.
        this.inside = null;
        this.level = 0;
    }

    get isNeutral() {
        return this.depth === 0 && this.inside === null;
    }

    line(line) {
        for (let at = 0; at < line.length; ) {
            const pattern = this.inside ?? this.host.code;
            pattern.lastIndex = at;
            const match = pattern.exec(line);
            at = pattern.lastIndex;
            if (this.inside === null) {
                this.plain(match.groups);
            } else {
                this.level += (match.groups.in ? 1 : 0) - (match.groups.out ? 1 : 0);
                this.inside = this.level === 0 ? null : this.inside;
            }
        }
    }

    plain(found) {
        this.depth = Math.max(0, this.depth + (found.open ? 1 : 0) - (found.close ? 1 : 0));
        this.inside = this.host.enter(found);
        this.level = 1;
    }
}

/**
 * The parts of a cell in their order: `{type: "code", from, to}`, and `{type: "magic", from, to, tokens, body}` with
 * `body` null or `{from, to, language}`.
 *
 * In `rust` every line that looks like a magic is one. In `python` only those of `verbs` are, and a `%%` magic begins
 * the cell.
 */
export function split(text, host, verbs) {
    const parts = [];
    const ends = [...text.matchAll(/\n/g)].map(({ index }) => index + 1);
    if (ends.at(-1) !== text.length) {
        ends.push(text.length);
    }
    const starts = [0, ...ends.slice(0, -1)];
    const lines = starts.map((start, index) => text.slice(start, ends[index]).replace(/\n$/, ""));
    let scanner = new Scanner(HOSTS[host]);
    let code = 0;
    let afterBody = false;
    let isBlank = true;
    for (let index = 0; index < lines.length; ) {
        const line = lines[index];
        const magic = scanner.isNeutral ? MAGIC.exec(line) : null;
        if (magic === null || !(host === "rust" || afterBody || isOurs(magic, isBlank))) {
            if (host === "python" && isBlank && BODY_END.test(line)) {
                // Another one's cell magic has the whole cell.
                return [{ type: "code", from: 0, to: text.length }];
            }
            isBlank &&= line.trim() === "";
            scanner.line(line);
            index += 1;
            continue;
        }
        isBlank = false;
        if (code < starts[index]) {
            parts.push({ type: "code", from: code, to: starts[index] });
        }
        let last = index;
        while (CONTINUES.test(lines[last]) && last + 1 < lines.length) {
            last += 1;
        }
        const part = { type: "magic", from: starts[index], to: starts[last] + lines[last].length, body: null };
        const { tokens, languages } = readWords(text, part.from, part.to, verbs);
        part.tokens = tokens;
        index = last + 1;
        afterBody = magic[1] === "%%";
        if (afterBody) {
            const first = index;
            while (index < lines.length && !BODY_END.test(lines[index])) {
                index += 1;
            }
            if (first < index) {
                part.body = { from: starts[first], to: ends[index - 1], language: languages.body ?? null };
            }
        }
        parts.push(part);
        code = index < lines.length ? starts[index] : text.length;
        scanner = new Scanner(HOSTS[host]);
    }
    if (code < text.length) {
        parts.push({ type: "code", from: code, to: text.length });
    }
    return parts;

    function isOurs(magic, isFirst) {
        return Object.hasOwn(verbs, nameOf(magic[2])) && (magic[1] === "%" || (isFirst && magic[0].startsWith("%%")));
    }
}

/** The tokens of the magic that stands between `from` and `to`, and which languages its verb takes where. */
function readWords(text, from, to, verbs) {
    const tokens = [];
    const push = (type, start, end) => start < end && tokens.push({ type, from: start, to: end });
    const [found, sign] = /^\s*(%%?)/.exec(text.slice(from, to));
    const start = from + found.length;
    push("sign", start - sign.length, start);
    const words = [];
    for (const match of text.slice(start, to).matchAll(WORD)) {
        if (match.groups.word !== undefined) {
            words.push({ from: start + match.index, to: start + match.index + match[0].length, text: match[0] });
        }
    }
    const magic = words.shift();
    const name = nameOf(magic.text);
    push("magic", magic.from, magic.from + name.length);
    push("help", magic.from + name.length, magic.to);
    const [length, languages] = findVerb(Object.hasOwn(verbs, name) ? verbs[name] : {}, words);
    for (const word of words.splice(0, length)) {
        const verb = nameOf(word.text);
        push("verb", word.from, word.from + verb.length);
        push("help", word.from + verb.length, word.to);
    }
    const arrow = words.findIndex((word) => word.text === "->");
    const [before, after] = arrow < 0 ? [words, []] : [words.slice(0, arrow), words.slice(arrow)];
    if (languages.line && before.length > 0 && !/^["'-]/.test(before[0].text)) {
        push(languages.line, before[0].from, before.at(-1).to);
    } else {
        before.forEach((word) => pushWord(push, word));
    }
    after.slice(0, 2).forEach((word, index) => push(index === 0 ? "arrow" : "name", word.from, word.to));
    return { tokens, languages };
}

function pushWord(push, word) {
    if (NUMBER.test(word.text)) {
        return push("number", word.from, word.to);
    }
    const option = OPTION.exec(word.text);
    if (option !== null) {
        push("option", word.from, word.from + option[0].length);
    }
    for (const match of word.text.matchAll(QUOTED)) {
        push("string", word.from + match.index, word.from + match.index + match[0].length);
    }
}

/** How many of `words` are a verb's name, and the languages of that verb. Two words go before one. */
function findVerb(verbs, words) {
    for (const length of [2, 1]) {
        const name = words.slice(0, length).map((word) => nameOf(word.text)).join(" ");
        if (words.length >= length && Object.hasOwn(verbs, name)) {
            return [length, verbs[name]];
        }
    }
    return [0, {}];
}

/** `%feature?` and `list?` ask for help. */
function nameOf(word) {
    return word.replace(/\?+$/, "");
}
