//! What a laboratory does whether it is of processes or of containers. The tests
//! of both include this.

pub(crate) mod audit;
pub(crate) mod audit_pages;
pub(crate) mod door;
pub(crate) mod faults;
pub(crate) mod live;
pub(crate) mod load;
pub(crate) mod panel;
pub(crate) mod readers;
pub(crate) mod readme;

use std::pin::Pin;

use e2e::Stack;

/// Uses a laboratory that runs, and leaves it running.
pub(crate) type Scenario = for<'a> fn(&'a Stack) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A name for each scenario, and the scenario in a box.
macro_rules! scenarios {
    ($($module:ident :: $name:ident),+ $(,)?) => {
        [$((concat!(stringify!($module), "::", stringify!($name)), |stack| Box::pin($module::$name(stack)))),+]
    };
}

pub(crate) use scenarios;
