//! The kernel against a real ZeroMQ client: every message that it publishes is asserted, in its exact order.

mod server {
    mod bars;
    mod control;
    mod double;
    mod execute;
    mod executor;
    mod front_end;
    mod outputs;
    mod wire;
}
