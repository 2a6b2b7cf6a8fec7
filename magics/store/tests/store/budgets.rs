//! Budgets: what is let in, what is refused, and what the dead leave.

use kernwerk_core::{ModelId, Usage};
use kernwerk_store::{
    Bound, BudgetScope, BudgetState, Call, Lab, Money, NewBudget, Period, Price, Refusal, Reservation, Reserved, Unit,
};

use crate::child::Worker;
use crate::common::Place;

pub const TOKENS_A_CALL: u64 = 7;
pub const MOST: i64 = 1000;

pub fn call(verb: &str) -> Call {
    Call { cell: None, notebook: Some("a.ipynb".to_owned()), verb: verb.to_owned() }
}

pub fn usage(model: &str, tokens: u64, seconds: f64) -> Usage {
    let model = Some(ModelId { name: model.to_owned(), digest: "d".to_owned() });
    Usage { model, tokens_in: tokens, tokens_out: 0, wall_seconds: seconds, cpu_seconds: Some(seconds) }
}

pub fn bound(tokens: u64) -> Bound {
    Bound { usage: usage("m", tokens, 1.0), cost: None }
}

pub fn allow(unit: Unit, scope: BudgetScope, most: i64) -> NewBudget {
    NewBudget { unit, scope, period: Period::Always, is_hard: true, most }
}

/// Reserves, or says why not.
pub fn reserve(lab: &Lab, call: &Call, bound: &Bound) -> Result<Reservation, Box<Refusal>> {
    match lab.reserve(call, bound).unwrap() {
        Reserved::Admitted(reservation, _) => Ok(*reservation),
        Reserved::Refused(refusal) => Err(refusal),
    }
}

fn state(lab: &Lab) -> BudgetState {
    lab.budgets().unwrap().remove(0)
}

#[test]
fn a_hard_budget_lets_in_what_fits_and_nothing_more() {
    let place = Place::new();
    place.lab.ledger().set_budget(&allow(Unit::Tokens, BudgetScope::Lab, 100)).unwrap();
    let first = reserve(&place.lab, &call("rag ask"), &bound(60)).unwrap();
    let refusal = reserve(&place.lab, &call("rag ask"), &bound(41)).err().unwrap();
    assert_eq!((refusal.state.spent, refusal.state.reserved, refusal.wanted), (0, 60, Some(41)));
    let second = reserve(&place.lab, &call("rag ask"), &bound(40)).unwrap();
    assert_eq!((state(&place.lab).spent, state(&place.lab).reserved), (0, 100));
    assert!(place.lab.ledger().usage().unwrap().is_empty(), "what is reserved is no usage");
    // What was not used up is free again.
    first.settle(&usage("m", 50, 0.5), None).unwrap();
    drop(second);
    assert_eq!((state(&place.lab).spent, state(&place.lab).reserved), (50, 0));
    assert_eq!(place.lab.ledger().usage().unwrap()[0].usage, usage("m", 50, 0.5));
    assert!(reserve(&place.lab, &call("rag ask"), &bound(51)).is_err());
    assert!(reserve(&place.lab, &call("rag ask"), &bound(50)).is_ok());
    assert!(reserve(&place.lab, &call("rag ask"), &bound(0)).is_ok());
}

#[test]
fn a_scope_counts_its_own_calls() {
    for (scope, own, other) in [
        (
            BudgetScope::Notebook("a.ipynb".to_owned()),
            call("x"),
            Call { notebook: Some("b.ipynb".to_owned()), ..call("x") },
        ),
        (BudgetScope::Verb("rag ask".to_owned()), call("rag ask"), call("rag asking")),
        (BudgetScope::Verb("rag".to_owned()), call("rag ask"), call("ragtime ask")),
        (BudgetScope::Model("m".to_owned()), call("x"), call("x")),
        (BudgetScope::Tag("nightly".to_owned()), Call { notebook: Some("t.ipynb".to_owned()), ..call("x") }, call("x")),
    ] {
        let place = Place::new();
        let ledger = place.lab.ledger();
        ledger.change_tags("t.ipynb", &["nightly".to_owned()], &[]).unwrap();
        let is_model = matches!(scope, BudgetScope::Model(_));
        let budget = ledger.set_budget(&allow(Unit::Tokens, scope.clone(), 10)).unwrap();
        let elsewhere = Bound { usage: usage(if is_model { "n" } else { "m" }, 99, 0.1), cost: None };
        reserve(&place.lab, &other, &elsewhere).unwrap().settle(&elsewhere.usage, None).unwrap();
        assert!(reserve(&place.lab, &own, &bound(11)).is_err(), "{scope:?}");
        assert!(reserve(&place.lab, &own, &bound(10)).is_ok(), "{scope:?}");
        assert!(ledger.has_budgets().unwrap() && ledger.remove_budget(budget.id).unwrap());
        assert!(!ledger.has_budgets().unwrap());
    }
}

#[test]
fn a_budget_counts_what_was_used_before_it_was_set_and_begins_anew_with_its_period() {
    let place = Place::new();
    place.lab.ledger().add_usage(&call("x"), &usage("m", 90, 2.5), None).unwrap();
    let database = rusqlite::Connection::open(place.lab.data_dir().join("ledger.sqlite")).unwrap();
    let ever = allow(Unit::Tokens, BudgetScope::Lab, 100);
    for period in [Period::Always, Period::Day, Period::Week, Period::Month, Period::Year] {
        let budget = place.lab.ledger().set_budget(&NewBudget { period, ..ever.clone() }).unwrap();
        assert_eq!(state(&place.lab).spent, 90, "{period:?}");
        place.lab.ledger().remove_budget(budget.id).unwrap();
    }
    database.execute("UPDATE usage SET at = '2001-01-01T00:00:00.000Z'", []).unwrap();
    for (period, spent) in
        [(Period::Always, 90), (Period::Day, 0), (Period::Week, 0), (Period::Month, 0), (Period::Year, 0)]
    {
        let budget = place.lab.ledger().set_budget(&NewBudget { period, ..ever.clone() }).unwrap();
        assert_eq!(state(&place.lab).spent, spent, "{period:?}");
        place.lab.ledger().remove_budget(budget.id).unwrap();
    }
    place.lab.ledger().set_budget(&allow(Unit::Seconds, BudgetScope::Lab, 3_000_000)).unwrap();
    assert_eq!(state(&place.lab).spent, 2_500_000);
}

#[test]
fn a_budget_set_again_is_the_same_with_another_limit() {
    let place = Place::new();
    let ledger = place.lab.ledger();
    let one = ledger.set_budget(&allow(Unit::Tokens, BudgetScope::Lab, 5)).unwrap();
    let again = ledger.set_budget(&allow(Unit::Tokens, BudgetScope::Lab, 9)).unwrap();
    let soft = ledger.set_budget(&NewBudget { is_hard: false, ..allow(Unit::Tokens, BudgetScope::Lab, 7) }).unwrap();
    assert_eq!((one.id, again.allowed.most), (again.id, 9));
    assert_ne!(soft.id, one.id);
    assert_eq!(
        place.lab.budgets().unwrap().iter().map(|state| state.budget.clone()).collect::<Vec<_>>(),
        [again, soft]
    );
}

#[test]
fn a_soft_budget_tells_and_lets_in() {
    let place = Place::new();
    let soft = NewBudget { is_hard: false, ..allow(Unit::Tokens, BudgetScope::Lab, 10) };
    place.lab.ledger().set_budget(&soft).unwrap();
    let over = |tokens| match place.lab.reserve(&call("x"), &bound(tokens)).unwrap() {
        Reserved::Admitted(reservation, over) => {
            reservation.settle(&usage("m", tokens, 0.1), None).unwrap();
            over.len()
        }
        Reserved::Refused(refusal) => panic!("{refusal:?}"),
    };
    assert_eq!((over(10), over(1), state(&place.lab).spent), (0, 1, 11));
}

#[test]
fn what_is_unpriced_is_not_let_in_by_a_budget_of_money() {
    let place = Place::new();
    let price = Price {
        from: None,
        currency: "EUR".to_owned(),
        million_tokens_in: Some(2.0),
        million_tokens_out: None,
        cpu_hour: None,
    };
    place.lab.ledger().add_usage(&call("x"), &usage("m", 5, 0.1), None).unwrap();
    place.lab.ledger().set_budget(&allow(Unit::Money("EUR".to_owned()), BudgetScope::Lab, 1000)).unwrap();
    assert_eq!((state(&place.lab).spent, state(&place.lab).unpriced_calls), (0, 1));
    assert_eq!(reserve(&place.lab, &call("x"), &bound(1)).err().unwrap().wanted, None);
    let in_dollars = Bound { cost: Some(Money { amount_micros: 1, currency: "USD".to_owned() }), ..bound(1) };
    assert_eq!(reserve(&place.lab, &call("x"), &in_dollars).err().unwrap().wanted, None);
    let priced = |tokens| Bound { cost: price.cost(&usage("m", tokens, 0.1)), ..bound(tokens) };
    reserve(&place.lab, &call("x"), &priced(500)).unwrap().settle(&usage("m", 400, 0.1), Some(&price)).unwrap();
    assert_eq!(state(&place.lab).spent, 800);
    assert_eq!(reserve(&place.lab, &call("x"), &priced(101)).err().unwrap().wanted, Some(202));
    assert!(reserve(&place.lab, &call("x"), &priced(100)).is_ok());
}

#[test]
fn a_call_that_asks_for_more_gets_what_is_left() {
    let place = Place::new();
    place.lab.ledger().set_budget(&allow(Unit::Seconds, BudgetScope::Lab, 5_000_000)).unwrap();
    let seconds = |seconds| Bound { usage: usage("m", 1, seconds), cost: None };
    let mut running = reserve(&place.lab, &call("x"), &seconds(1.0)).unwrap();
    assert_eq!(running.extend(&seconds(4.0)).unwrap(), None);
    assert!(reserve(&place.lab, &call("x"), &seconds(1.5)).is_err());
    let refusal = running.extend(&seconds(5.5)).unwrap().unwrap();
    assert_eq!((refusal.state.reserved, refusal.wanted), (4_000_000, Some(1_500_000)));
    assert_eq!((state(&place.lab).reserved, running.bound().usage.wall_seconds), (4_000_000, 4.0));
}

/// The budget is raised by one call again and again, and all processes wait for that one. Seen to overspend when a call is
/// judged in one transaction and written down in another.
#[test]
fn processes_that_ask_at_once_do_not_overspend() {
    let place = Place::new();
    let allow = |calls: i64| {
        let budget = allow(Unit::Tokens, BudgetScope::Lab, calls * TOKENS_A_CALL as i64);
        place.lab.ledger().set_budget(&budget).unwrap();
    };
    allow(0);
    let workers: Vec<_> = (0..4).map(|number| Worker::start("spend", place.root(), number)).collect();
    for calls in 1..=15 {
        allow(calls);
        let begun = std::time::Instant::now();
        let state = loop {
            let state = state(&place.lab);
            if state.spent >= calls * TOKENS_A_CALL as i64 {
                break state;
            }
            assert!(begun.elapsed().as_secs() < 60, "nobody spends what is allowed: {state:?}");
        };
        assert_eq!((state.spent, state.reserved), (calls * TOKENS_A_CALL as i64, 0), "{state:?}");
    }
    std::fs::write(place.root().join("stop"), "").unwrap();
    workers.into_iter().for_each(Worker::succeed);
    assert_eq!((state(&place.lab).spent, state(&place.lab).reserved), (15 * TOKENS_A_CALL as i64, 0));
}

/// Seen to fail when nobody asks whether the process of a reservation lives, and when what it held is given back.
#[test]
fn the_killed_leave_no_reservation_and_do_not_overspend() {
    let place = Place::new();
    place.lab.ledger().set_budget(&allow(Unit::Tokens, BudgetScope::Lab, MOST)).unwrap();
    let mut worker = Worker::start("reserve all", place.root(), 0);
    worker.wait_for("reserved");
    assert!(reserve(&place.lab, &call("x"), &bound(1)).is_err(), "it lives");
    assert_eq!(state(&place.lab).reserved, MOST);
    worker.kill();
    // Without any opening of the lab in between. What the call had used up nobody knows; it may have been all.
    assert!(reserve(&place.lab, &call("x"), &bound(1)).is_err());
    assert_eq!((state(&place.lab).spent, state(&place.lab).reserved), (MOST, 0));
    let usage = place.lab.ledger().usage().unwrap();
    assert_eq!((usage.len(), usage[0].is_cut_off, usage[0].usage.tokens_in), (1, true, MOST.unsigned_abs()));
    assert_eq!(place.lab.ledger().seconds_per_token("m").unwrap(), None, "it was not measured");
    let mut worker = Worker::start("reserve all", place.root(), 0);
    assert!(worker.wait_for("re").ends_with("refused"));
    worker.kill();
}
