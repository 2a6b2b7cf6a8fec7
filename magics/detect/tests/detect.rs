//! What is found, and what is not: secrets of every kind made up by chance, and what looks like them.

#[path = "detect/personal.rs"]
mod personal;
#[path = "detect/secrets.rs"]
mod secrets;
