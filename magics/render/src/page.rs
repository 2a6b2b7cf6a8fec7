//! One page of HTML that needs nothing else: an output for somebody who has no notebook.

use kernwerk_core::Output;

use crate::html::{escape, html};

/// Nothing is loaded and nothing runs, whatever the page shows.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
/// The names are those of JupyterLab, whose colours outputs use.
const STYLE: &str = "\
:root{color-scheme:light dark;--jp-ui-font-color1:#1f2328;--jp-ui-font-color2:#59636e;--jp-border-color2:#d1d9e0;--jp-brand-color1:#0969da;\
--jp-error-color1:#cf222e;--jp-layout-color1:#fff;--jp-ui-font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;\
--jp-code-font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}\
@media(prefers-color-scheme:dark){:root{--jp-ui-font-color1:#e6edf3;--jp-ui-font-color2:#9198a1;--jp-border-color2:#3d444d;\
--jp-brand-color1:#4493f8;--jp-error-color1:#f85149;--jp-layout-color1:#0d1117}}\
body{margin:0;background:var(--jp-layout-color1);color:var(--jp-ui-font-color1)}\
main{max-width:1180px;margin:0 auto;padding:28px 24px 48px}\
h1{font:600 22px/1.3 var(--jp-ui-font-family);margin:0 0 14px}\
@media print{main{max-width:none;padding:0}}";

/// A page around `body`, in which nothing is loaded and nothing runs; `frames` says which frames it may hold, as the policy has it.
pub(crate) fn frame(title: &str, style: &str, frames: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}{frames}\">\n<title>{}</title>\n<style>{style}</style>\n</head>\n\
         <body>\n<main>\n{body}\n</main>\n</body>\n</html>\n",
        escape(title),
    )
}

/// `output` as a page of its own. It follows the reader's light or dark theme.
pub fn page(title: &str, output: &Output) -> String {
    let untitled = Output { title: None, ..output.clone() };
    let heading = escape(output.title.as_deref().unwrap_or(title));
    frame(title, STYLE, "", &format!("<h1>{heading}</h1>\n{}", html(&untitled)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_whole_and_nothing_in_it_runs() {
        let output = Output::text("<script>alert(1)</script>").with_title("a < b");
        let page = page("</title><script>", &output);
        assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
        assert!(!page.contains("<script") && page.contains("a &lt; b") && page.contains("default-src 'none'"));
        assert_eq!(page.matches("a &lt; b").count(), 1);
    }
}
