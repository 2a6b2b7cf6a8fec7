//! What cells, verbs and models consumed, what they may consume, and what it costs.
//!
//! Invariants of this room:
//! - A call that would overspend a hard budget is refused before it runs, whichever process asks.
//! - A model without a price is unpriced: it is in no sum of money, and no budget of money lets it in.

mod budgets;
mod error;
mod prices;
mod report;
mod tags;
mod totals;
mod words;

pub use budgets::{Admitted, BudgetRequest, admit, budget, currency, extend, remove_budget, set_budget};
pub use error::Error;
pub use prices::{PriceRequest, Priced, add_price, prices};
pub use report::{Cost, Group, Row, Scope, report};
pub use tags::change_tags;
pub use totals::{Totals, totals};
pub use words::{amount, period, scope};
