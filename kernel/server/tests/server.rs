//! The kernel against a real ZeroMQ client: every message that it publishes is asserted, in its exact order.

mod server {
    mod bars;
    mod comms;
    mod control;
    mod double;
    mod execute;
    mod executor;
    mod following;
    mod front_end;
    mod hostile;
    mod outputs;
    mod wire;
}
