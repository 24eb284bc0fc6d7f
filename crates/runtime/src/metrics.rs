//! `/metrics` in Prometheus' [text format](https://prometheus.io/docs/instrumenting/exposition_formats/), version 0.0.4.

use std::fmt::{Display, Write as _};

use ddsx_types::TimestampNs;

use crate::http::HttpResponse;

/// A page of metrics: for each, its help, its type, and one sample or several with labels, all of the same time. Names follow
/// Prometheus' conventions: counters end in `_total`, and what has a unit ends in it.
#[derive(Clone, Debug)]
pub struct Metrics {
    prefix: &'static str,
    milliseconds: u64,
    text: String,
}

impl Metrics {
    /// An empty page; every name begins with `prefix` and `_`, every sample is of `now`.
    pub fn new(prefix: &'static str, now: TimestampNs) -> Self {
        Self {
            prefix,
            milliseconds: now / 1_000_000,
            text: String::new(),
        }
    }

    /// What goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family("gauge", name, help, [(String::new(), value)]);
    }

    /// What only grows. `_total` is added to the name.
    pub fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.family("counter", &format!("{name}_total"), help, [(String::new(), value)]);
    }

    /// A gauge with a sample for each set of labels, written as `name="value"` with commas between.
    pub fn gauges<V: Display>(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = (String, V)>) {
        self.family("gauge", name, help, samples);
    }

    /// The same of a counter.
    pub fn counters<V: Display>(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = (String, V)>) {
        self.family("counter", &format!("{name}_total"), help, samples);
    }

    fn family<V: Display>(
        &mut self,
        kind: &str,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (String, V)>,
    ) {
        let Self {
            prefix,
            milliseconds,
            text,
        } = self;
        // Writing to a `String` does not fail.
        let _ = writeln!(text, "# HELP {prefix}_{name} {help}\n# TYPE {prefix}_{name} {kind}");
        for (labels, value) in samples {
            let labels = if labels.is_empty() {
                labels
            } else {
                format!("{{{labels}}}")
            };
            let _ = writeln!(text, "{prefix}_{name}{labels} {value} {milliseconds}");
        }
    }

    /// The answer to a request for the page.
    pub fn respond(self) -> HttpResponse {
        HttpResponse::page("text/plain; version=0.0.4", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_write_the_text_format() {
        let mut page = Metrics::new("shop", 1_700_000_000_123_456_789);
        page.gauge("open", "1 while open.", 1);
        page.counter("customers", "Customers ever.", u128::MAX);
        page.gauges(
            "stock",
            "Things in stock.",
            [
                ("thing=\"hat\"".to_owned(), 3),
                ("thing=\"shoe\",size=\"40\"".to_owned(), 0),
            ],
        );
        page.counters("sold", "Things sold.", Vec::<(String, u8)>::new());
        let response = page.respond();
        assert_eq!(response.status_code, 200);
        assert_eq!(
            String::from_utf8(response.body.into_vec()).unwrap(),
            "# HELP shop_open 1 while open.\n# TYPE shop_open gauge\nshop_open 1 1700000000123\n\
             # HELP shop_customers_total Customers ever.\n# TYPE shop_customers_total counter\n\
             shop_customers_total 340282366920938463463374607431768211455 1700000000123\n\
             # HELP shop_stock Things in stock.\n# TYPE shop_stock gauge\nshop_stock{thing=\"hat\"} 3 1700000000123\n\
             shop_stock{thing=\"shoe\",size=\"40\"} 0 1700000000123\n\
             # HELP shop_sold_total Things sold.\n# TYPE shop_sold_total counter\n"
        );
    }
}
