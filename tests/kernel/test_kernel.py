"""The installed kernel against Jupyter's own test of kernels, with every sample filled in."""

import shutil
import tempfile

import jupyter_kernel_test
from jupyter_client.manager import start_new_kernel

# The first Rust cell of a kernel starts the compiler, which takes longer than Jupyter's test waits.
FIRST_CELL_SECONDS = 180
# The first value, the first variable and the first use of the prelude each load something.
WARMING_CELLS = ["1", "let warm = 1;", 'kernwerk::display_text("warm");']


class TestKernwerk(jupyter_kernel_test.KernelTests):
    kernel_name = "kernwerk"
    language_name = "rust"
    file_extension = ".rs"

    code_hello_world = 'println!("hello, world");'
    code_stderr = 'eprintln!("a word of warning");'
    code_generate_error = "let number: i32 = \"text\";"
    code_execute_result = [
        {"code": "6 * 7", "result": "42"},
        {"code": "let words = vec![\"a\", \"b\"];\nwords.len()", "result": "2"},
        {"code": "format!(\"{}\", 'x')", "result": '"x"'},
    ]
    code_display_data = [
        {"code": "%lab status", "mime": "text/plain"},
        {"code": "%lab status", "mime": "text/html"},
        {"code": 'kernwerk::display_html("<b>bold</b>");', "mime": "text/html"},
        {"code": 'kernwerk::display_svg("<svg/>");', "mime": "image/svg+xml"},
    ]
    code_clear_output = 'println!("gone soon"); kernwerk::clear_output(false);'
    code_inspect_sample = "%feature"

    completion_samples = [
        {"text": "%feat", "matches": {"%feature"}},
        {"text": "%%feat", "matches": {"%%feature"}},
        {"text": "let x = 1;\n%lab stat", "matches": {"status"}},
        {"text": "%lab status --he", "matches": {"--help"}},
        {"text": "std::mem::swa", "matches": {"swap"}},
        {"text": "%lab status\nlet mut known = vec![1]; known.swap_rem", "matches": {"swap_remove"}},
    ]
    complete_code_samples = [
        "1 + 1",
        "let x = 1;",
        "fn one() -> i32 {\n    1\n}",
        "%lab status",
        "let x = 1;\n%lab status",
        "%%feature sql\nselect 1\n",
    ]
    incomplete_code_samples = ["fn one() {", 'let text = "open', "vec![1,", "/* open", "%%feature sql", "%lab status \\"]
    invalid_code_samples = ["let x = );", "fn 1() {}", "%rag search 'open"]

    code_history_pattern = "6 ? 7"
    supported_history_operations = ("tail", "range", "search")

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp()
        cls.km, cls.kc = start_new_kernel(kernel_name=cls.kernel_name, cwd=cls.directory)
        for cell in WARMING_CELLS:
            reply = cls.kc.execute_interactive(cell, timeout=FIRST_CELL_SECONDS, output_hook=lambda message: None)
            assert reply["content"]["status"] == "ok", reply["content"]
        # The analyser loads what it completes from.
        cls.kc.complete("std::me", reply=True, timeout=FIRST_CELL_SECONDS)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.directory)

    def test_an_inspected_rust_name(self):
        self.flush_channels()
        self.execute_helper("let known: Vec<u8> = Vec::new();")
        self.flush_channels()
        message = self.kc.inspect("known", 3)
        content = self.kc.get_shell_msg(timeout=15)["content"]
        assert content["found"], (message, content)
        assert "Vec<u8>" in content["data"]["text/plain"]


class TestWelcome(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = "kernwerk"
    support_iopub_welcome = True
