use proptest::prelude::{Strategy, any};
use proptest::prop_oneof;
use proptest::sample::{Index, select};

/// What has broken parsers before, here or elsewhere: terminators, separators, escapes, numbers at their limits.
const HOSTILE: &[&[u8]] = &[
    b"\0",
    b"\r\n",
    b"\r\n\r\n",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xae",
    b"\xe2\x80\xa8",
    b"\xc2\xad",
    b"%00",
    b"%ff",
    b"%",
    b"\\u0000",
    b"\\ud800",
    b"\"",
    b"'",
    b"\\",
    b"/",
    b"//",
    b"..",
    b"../",
    b",",
    b";",
    b"=",
    b"&",
    b"[",
    b"]",
    b"{",
    b"}",
    b"<",
    b"@",
    b":",
    b"+",
    b"-",
    b" ",
    b"\t",
    b"0",
    b"-1",
    b"256",
    b"65536",
    b"2147483648",
    b"4294967296",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"18446744073709551616",
    b"1e999",
    b"NaN",
    b"null",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
];

/// A few bytes that make way for others. It stands for all that mutation can do: to alter, to insert, to cut, to splice.
#[derive(Clone, Debug)]
struct Edit {
    at: Index,
    cut: usize,
    put: Vec<u8>,
}

impl Edit {
    fn apply(&self, input: &mut Vec<u8>) {
        let from = self.at.index(input.len() + 1);
        let to = input.len().min(from + self.cut);
        input.splice(from..to, self.put.iter().copied());
    }
}

/// Inputs that are one of `corpus` after up to six edits, some of which bring pieces of the others.
pub(crate) fn of(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let nothing = select(vec![Vec::new()]);
    let noise = proptest::collection::vec(any::<u8>(), 1..5);
    let hostile = select(HOSTILE).prop_map(<[u8]>::to_vec);
    let run = (any::<u8>(), 2_usize..3_000).prop_map(|(byte, length)| vec![byte; length]);
    let piece = (select(corpus.clone()), any::<Index>(), any::<Index>());
    let piece = piece.prop_map(|(other, one, two)| {
        let ends = [one.index(other.len() + 1), two.index(other.len() + 1)];
        other[ends[0].min(ends[1])..ends[0].max(ends[1])].to_vec()
    });
    let put = prop_oneof![
        2 => nothing,
        4 => noise,
        4 => hostile,
        1 => run,
        2 => piece,
    ];
    let cut = prop_oneof![3 => 0_usize..4, 1 => 0_usize..64];
    let edit = (any::<Index>(), cut, put).prop_map(|(at, cut, put)| Edit { at, cut, put });
    let edits = proptest::collection::vec(edit, 1..7);
    (select(corpus), edits).prop_map(|(mut input, edits)| {
        for edit in edits {
            edit.apply(&mut input);
        }
        input
    })
}
