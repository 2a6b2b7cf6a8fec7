//! A graph of cells as SVG: one row a cell in the order they ran, arcs from each to those that it needs. Colours come from
//! JupyterLab's variables, with fallbacks that follow the text's own colour.

use crate::html::escape;

const ROW: usize = 46;
const BOX: usize = 36;
const TOP: usize = 8;
/// Room for the arcs, which lie left of the boxes: so much for each cell that an arc passes, up to the most.
const SPREAD: usize = 11;
const WIDEST: usize = 150;
const WIDTH: usize = 640;
const LONGEST_CODE: usize = 62;
const LONGEST_FACTS: usize = 84;

/// A cell of a graph.
#[derive(Clone, Debug)]
pub struct Node {
    /// Such as `In[7]`.
    pub label: String,
    /// Its code, in one line.
    pub code: String,
    /// What it makes, how long it took, what it cost.
    pub facts: Vec<String>,
    /// It is what the graph is for.
    pub is_target: bool,
    /// The places of the nodes that it needs.
    pub needs: Vec<usize>,
}

/// The graph of `nodes`, as an `<svg>` element.
pub fn graph(nodes: &[Node]) -> String {
    let arcs: Vec<(usize, usize)> =
        nodes.iter().enumerate().flat_map(|(to, node)| node.needs.iter().map(move |from| (*from, to))).collect();
    let reach = |(from, to): &(usize, usize)| (14 + SPREAD * from.abs_diff(*to)).min(WIDEST);
    let left = arcs.iter().map(reach).max().unwrap_or(0) + 12;
    let middle = |place: usize| TOP + ROW * place + BOX / 2;
    let mut drawn = String::new();
    for arc @ (from, to) in &arcs {
        let (from, to, bow) = (middle(*from), middle(*to), left.saturating_sub(reach(arc)));
        drawn.push_str(&format!(
            "<path d=\"M{left} {from} C{bow} {from} {bow} {to} {left} {to}\" fill=\"none\" stroke=\"currentColor\" \
             stroke-opacity=\".45\" marker-end=\"url(#kw-arrow)\"/>"
        ));
    }
    for (place, node) in nodes.iter().enumerate() {
        drawn.push_str(&row(node, left, TOP + ROW * place));
    }
    let height = TOP + ROW * nodes.len();
    let width = left + WIDTH + 8;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" font-family=\"var(--jp-ui-font-family,system-ui,sans-serif)\" font-size=\"12\" \
         style=\"color:var(--jp-ui-font-color1,#666)\">\
         <defs><marker id=\"kw-arrow\" viewBox=\"0 0 6 6\" refX=\"6\" refY=\"3\" markerWidth=\"6\" markerHeight=\"6\" orient=\"auto\">\
         <path d=\"M0 0 L6 3 L0 6 z\" fill=\"currentColor\" fill-opacity=\".6\"/></marker></defs>{drawn}</svg>"
    )
}

fn row(node: &Node, left: usize, top: usize) -> String {
    let (stroke, width) = if node.is_target {
        ("var(--jp-brand-color1,#1976d2)", "2")
    } else {
        ("var(--jp-border-color1,rgba(128,128,128,.6))", "1")
    };
    let facts = shortened(&node.facts.join(" · "), LONGEST_FACTS);
    let code = "font-family=\"var(--jp-code-font-family,ui-monospace,monospace)\" font-size=\"11.5\"";
    format!(
        "<rect x=\"{left}\" y=\"{top}\" width=\"{WIDTH}\" height=\"{BOX}\" rx=\"5\" fill=\"currentColor\" fill-opacity=\".04\" \
         stroke=\"{stroke}\" stroke-width=\"{width}\"/>\
         <text x=\"{0}\" y=\"{1}\" fill=\"currentColor\" font-weight=\"600\">{2}</text>\
         <text x=\"{3}\" y=\"{1}\" fill=\"currentColor\" xml:space=\"preserve\" {code}>{4}</text>\
         <text x=\"{3}\" y=\"{5}\" fill=\"currentColor\" fill-opacity=\".7\" font-size=\"11\">{6}</text>",
        left + 10,
        top + 15,
        escape(&node.label),
        left + 64,
        escape(&shortened(&node.code, LONGEST_CODE)),
        top + 29,
        escape(&facts),
    )
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cell_is_a_box_and_each_need_an_arc() {
        let node = |label: &str, needs: &[usize]| Node {
            label: label.to_owned(),
            code: "let a = b < c && d;".to_owned(),
            facts: vec!["makes `a`".to_owned(), "0.1 s".to_owned()],
            is_target: needs.len() > 1,
            needs: needs.to_vec(),
        };
        let svg = graph(&[node("In[1]", &[]), node("In[2]", &[0]), node("In[9]", &[0, 1])]);
        assert_eq!((svg.matches("<rect").count(), svg.matches("marker-end").count()), (3, 3));
        assert!(svg.contains("b &lt; c &amp;&amp; d") && svg.contains("makes `a` · 0.1 s"));
        assert_eq!(graph(&[]).matches("<rect").count(), 0);
    }
}
