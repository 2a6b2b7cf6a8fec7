//! Tests of features: reading files, loading tables, defining views, and the point-in-time join.

#[path = "feature/common.rs"]
mod common;
#[path = "feature/corners.rs"]
mod corners;
#[path = "feature/loading.rs"]
mod loading;
#[path = "feature/oracle.rs"]
mod oracle;
#[path = "feature/reading.rs"]
mod reading;
#[path = "feature/training.rs"]
mod training;
#[path = "feature/views.rs"]
mod views;
