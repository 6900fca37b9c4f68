use super::*;

#[test]
fn an_order_number_that_was_read_prints_as_what_reads_back() {
    fuzzing::text("order_number", |text| {
        if let Ok(number) = text.parse::<OrderNumber>() {
            assert_eq!(number.to_string().parse(), Ok(number));
        }
    });
}
