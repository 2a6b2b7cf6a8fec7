//! Measuring, keeping runs, comparing them, and the gate.

use kernwerk_core::{Cancel, Problem, Resource, Silent, Verdict, Work};
use kernwerk_eval::{Bound, Error, Metric, Reference, Run, Sides, State, StoredSuite, changes, compare, gate, measure};
use kernwerk_store::Principal;

use super::support::{Place, Told, wait};

const QUESTIONS: &str = "\
{\"_id\": \"1\", \"question\": \"who?\", \"relevant\": {\"a\": 2, \"b\": 1}, \"answers\": [\"the cat\"]}
{\"_id\": \"2\", \"question\": \"what?\", \"relevant\": [\"c\"]}
{\"_id\": \"3\", \"question\": \"where?\", \"answers\": []}
";
const SUITE: &str = "target: {corpus: docs, mode: text, k: 10}\ngolden: golden\nmetrics: [ndcg@10, mrr, exact_match]\n\
                     thresholds: {mrr: {mean: 0.7, low: 0.2}}";

fn place() -> Place {
    let place = Place::new();
    place.write("golden.jsonl", QUESTIONS);
    place.import("golden", "golden.jsonl");
    place
}

fn told(documents: [&[&'static str]; 3]) -> Told {
    Told { documents: documents.map(<[&str]>::to_vec).to_vec(), answers: None }
}

fn named(name: &str, groups: &[&str]) -> Principal {
    Principal { name: Some(name.to_owned()), groups: groups.iter().map(|group| (*group).to_owned()).collect() }
}

fn scores(place: &Place, run: &Run) -> Vec<Vec<Option<f64>>> {
    use arrow::array::AsArray;
    let batch = run.scores(&place.lab).expect("scores");
    let columns = batch.columns()[2..].iter();
    columns.map(|column| column.as_primitive::<arrow::datatypes::Float64Type>().iter().collect()).collect()
}

#[test]
fn what_nobody_knows_is_not_measured_and_what_is_not_found_counts_nothing() {
    let place = place();
    let suite = place.suite("quality", SUITE);
    let run = place.run(&suite, &told([&["b", "x", "a"], &[], &["a"]]), &Principal::nobody());
    let ideal = 2.0 + 1.0 / 3f64.log2();
    let found = scores(&place, &run);
    assert_eq!(found[0][1..], [Some(0.0), None]);
    assert!(found[0][0].is_some_and(|ndcg| (ndcg - (1.0 + 2.0 / 2.0) / ideal).abs() < 1e-12));
    assert_eq!(found[1], [Some(1.0), Some(0.0), None]);
    assert_eq!(found[2], [None, None, None]);
    let summaries: Vec<_> = run.summaries.iter().map(|one| (one.metric, one.measured, one.reason.as_deref())).collect();
    assert_eq!(
        summaries,
        [
            (Metric::Ndcg(10), 2, None),
            (Metric::ReciprocalRank, 2, None),
            (Metric::ExactMatch, 0, Some("the target gives no answers"))
        ]
    );
    assert_eq!((run.summaries[1].mean, run.summaries[2].mean), (Some(0.5), None));
    assert_eq!((run.questions, run.notes.as_slice()), (3, &["1 question found nothing: it counts 0".to_owned()][..]));
}

#[test]
fn answers_are_measured_where_the_target_gives_some() {
    let place = place();
    let suite = place.suite("quality", SUITE);
    let documents = told([&[], &[], &[]]).documents;
    let target = Told { documents, answers: Some(vec![Some("Cat!"), Some("x"), None]) };
    let run = place.run(&suite, &target, &Principal::nobody());
    assert_eq!(scores(&place, &run)[2], [Some(1.0), None, Some(1.0)]);
    assert_eq!(run.notes, ["2 questions found nothing: they count 0", "1 question was not answered"]);
}

#[test]
fn a_golden_set_that_knows_nothing_of_a_metric_leaves_it_unmeasured() {
    let place = Place::new();
    place.write("golden.jsonl", "{\"question\": \"who?\", \"relevant\": [\"a\"]}");
    place.import("golden", "golden.jsonl");
    let suite = place.suite("quality", "target: {corpus: docs}\ngolden: golden\nmetrics: [token_f1, mrr]");
    let target = Told { documents: vec![vec!["a"]], answers: Some(vec![Some("x")]) };
    let run = place.run(&suite, &target, &Principal::nobody());
    assert_eq!(run.summaries[0].reason.as_deref(), Some("no question of the golden set has answers"));
    // One question has a mean and no interval.
    assert_eq!((run.summaries[1].mean, run.summaries[1].low), (Some(1.0), None));
}

#[test]
fn runs_are_numbered_found_and_kept_for_whom_they_were_measured() {
    let place = place();
    let suite = place.suite("quality", SUITE);
    let (ada, bo) = (named("ada", &["crew"]), named("bo", &[]));
    let first = place.run(&suite, &told([&["a"], &["c"], &[]]), &ada);
    let second = place.run(&suite, &told([&["b"], &["x"], &[]]), &ada);
    assert_eq!((first.reference.to_string(), second.reference.to_string()), ("quality@1".into(), "quality@2".into()));
    let get = |principal: &Principal, reference: &str| {
        Run::get(&place.lab, principal, &reference.parse::<Reference>().expect("a reference"))
    };
    assert_eq!(get(&ada, "quality").expect("the latest"), second);
    assert_eq!(get(&ada, "quality@1").expect("the first"), first);
    assert_eq!(get(&ada, "quality@3").expect_err("no run").hint().as_deref(), Some("the latest is `quality@2`"));
    for stranger in [Principal::nobody(), bo.clone(), named("ada", &[]), named("ada", &["crew", "staff"])] {
        let error = get(&stranger, "quality@1").expect_err("another's run");
        assert!(error.to_string().starts_with("suite `quality` was never measured for "), "{error}");
    }
    assert_eq!(place.run(&suite, &told([&[], &[], &[]]), &bo).reference.number, Some(1));
    let error = get(&ada, "qualty").expect_err("no suite");
    assert_eq!(
        (error.to_string().as_str(), error.hint().as_deref()),
        ("there is no suite `qualty`", Some("did you mean `quality`?"))
    );
}

#[test]
fn a_gate_judges_the_latest_run_of_what_is_there() {
    let place = place();
    let nobody = Principal::nobody();
    let judge = || {
        let suite = StoredSuite::find(&place.lab, "quality").expect("the suite");
        wait(gate(&place.lab, &nobody, &suite)).expect("an answer")
    };
    let suite = place.suite("quality", SUITE);
    let never = judge();
    assert_eq!((never.state, never.reasons.as_slice()), (State::Unmeasured, &["it was never measured".to_owned()][..]));
    assert_eq!(never.state.verdict(), Verdict::Undecided);
    let good = told([&["a"], &["c"], &[]]);
    place.run(&suite, &good, &nobody);
    let passed = judge();
    assert_eq!((passed.state, passed.state.verdict()), (State::Pass, Verdict::Passed));
    let bounds: Vec<_> = passed.thresholds.iter().map(|judged| (judged.threshold.bound, judged.value)).collect();
    assert_eq!(bounds, [(Bound::Mean, Some(1.0)), (Bound::Low, Some(1.0))]);
    place.run(&suite, &told([&["x", "b"], &["c"], &[]]), &nobody);
    assert_eq!(judge().state, State::Pass);
    place.run(&suite, &told([&["x"], &["c"], &[]]), &nobody);
    let failed = judge();
    assert_eq!((failed.state, failed.state.verdict()), (State::Fail, Verdict::Failed));
    // Words that change nothing of what is measured leave the run up to date.
    place.suite("quality", &format!("# the same\n{SUITE}"));
    assert_eq!(judge().state, State::Fail);
    let changed = place.suite("quality", &format!("{SUITE}\nseed: 1"));
    let old = judge();
    assert_eq!(old.state, State::Unmeasured);
    assert_eq!(old.reasons, ["the suite is at version 3, and version 1 was measured"]);
    place.run(&changed, &good, &nobody);
    assert_eq!(judge().state, State::Pass);
    place.write("golden.jsonl", &QUESTIONS.replace("[\"c\"]", "[\"d\"]"));
    place.import("golden", "golden.jsonl");
    assert_eq!(judge().reasons, ["golden set `golden` is at version 2, and version 1 was measured"]);
}

#[test]
fn a_gate_without_thresholds_is_none() {
    let place = place();
    let suite = place.suite("quality", "target: {corpus: docs}\ngolden: golden\nmetrics: [mrr]");
    let error = wait(gate(&place.lab, &Principal::nobody(), &suite)).expect_err("no thresholds");
    assert_eq!(error.to_string(), "suite `quality` has no thresholds");
}

#[test]
fn a_run_of_a_corpus_that_is_gone_is_out_of_date() {
    let place = place();
    let suite = place.suite("quality", SUITE);
    let mut run = place.run(&suite, &told([&[], &[], &[]]), &Principal::nobody());
    assert_eq!(wait(changes(&place.lab, &run, &suite)).expect("changes"), Vec::<String>::new());
    run.basis[0].resource = Resource::Corpus;
    run.basis[0].name = "docs".to_owned();
    assert_eq!(wait(changes(&place.lab, &run, &suite)).expect("changes"), ["corpus `docs` is gone"]);
}

#[test]
fn runs_are_compared_question_by_question() {
    let place = place();
    let nobody = Principal::nobody();
    let words = place.suite("words", SUITE);
    let meaning = place.suite("meaning", "target: {corpus: docs}\ngolden: golden\nmetrics: [p@10, mrr, exact_match]");
    let one = place.run(&words, &told([&["x", "a"], &["c"], &[]]), &nobody);
    let other = place.run(&meaning, &told([&["a"], &["c"], &[]]), &nobody);
    let compared = compare(&place.lab, &one, &other, &Work::silent()).expect("a comparison");
    let metrics: Vec<Metric> = compared.iter().map(|compared| compared.metric).collect();
    assert_eq!(metrics, [Metric::ReciprocalRank, Metric::ExactMatch]);
    let difference = compared[0].difference.expect("a difference");
    assert_eq!((compared[0].paired, difference.one, difference.other, difference.mean), (2, 0.75, 1.0, 0.25));
    assert_eq!((difference.p, compared[1].paired, compared[1].difference), (1.0, 0, None));
    let bare = place.suite("bare", "target: {corpus: docs}\ngolden: golden\nmetrics: [recall@10]");
    let bare = place.run(&bare, &told([&[], &[], &[]]), &nobody);
    let error = compare(&place.lab, &one, &bare, &Work::silent()).expect_err("nothing in common");
    assert_eq!(error.to_string(), "`words@1` and `bare@1` cannot be compared: they have no metric in common");
    place.write("golden.jsonl", &QUESTIONS.replace("who?", "whom?"));
    place.import("golden", "golden.jsonl");
    let later = place.run(&words, &told([&["x", "a"], &["c"], &[]]), &nobody);
    let error = compare(&place.lab, &one, &later, &Work::silent()).expect_err("other questions");
    assert!(matches!(error, Error::NotComparable { .. }), "{error}");
}

#[test]
fn an_interrupt_leaves_no_run() {
    let place = place();
    let suite = place.suite("quality", SUITE);
    let cancel = Cancel::new();
    cancel.cancel();
    let work = Work::new(cancel, std::sync::Arc::new(Silent));
    let target = told([&[], &[], &[]]);
    let sides = Sides { retriever: Some(&target), answerer: None };
    let error = measure(&suite, &place.golden("golden"), sides, &work).expect_err("an interrupt");
    assert!(Problem::from(error).is_interrupt());
}
