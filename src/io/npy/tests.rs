//! No byte sequence makes the reader panic, hang or reserve memory that the file does not justify.

use super::{Order, header, parse};

/// Knuth's linear congruential generator; its high bits are good enough to mutate bytes.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

fn file(order: Order) -> Vec<u8> {
    [header::of(&[2, 3], order, "<f4").unwrap(), vec![0; 24]].concat()
}

/// Both as a file of known length and as a stream.
fn parse_both(bytes: &[u8]) -> usize {
    let known = parse(&mut &bytes[..], Some(bytes.len() as u64));
    let streamed = parse(&mut &bytes[..], None);
    assert_eq!(known.is_ok(), streamed.is_ok(), "{}", bytes.escape_ascii());
    for result in [&known, &streamed] {
        let error = result.as_ref().err();
        assert!(
            !error.is_some_and(|error| error.contains(char::is_control)),
            "{error:?}"
        );
    }
    usize::from(known.is_ok())
}

#[test]
fn mutated_files_never_panic() {
    let pieces = b"( [ { ) ' \" \\ \\x73 0 -1 1152921504606846976, L shape descr '<f8' '>f2' True \
                   None b'' \xff \xc3\xa9 \n";
    let pieces: Vec<_> = pieces.split(|&byte| byte == b' ').collect();
    let originals = [file(Order::C), file(Order::Fortran)];
    let mut random = Random(1);
    let mut accepted = 0;
    for i in 0..100_000 {
        let mut bytes = originals[i % 2].clone();
        for _ in 0..=random.below(3) {
            // Most of the mutations fall on the dictionary, the rest anywhere.
            let anywhere = random.below(4) == 0;
            let reach = if anywhere { bytes.len() } else { 72 };
            let at = random.below(reach.min(bytes.len()));
            let piece = pieces[random.below(pieces.len())];
            match random.below(4) {
                0 => bytes[at] = random.below(256) as u8,
                1 => {
                    let end = (at + piece.len()).min(bytes.len());
                    bytes[at..end].copy_from_slice(&piece[..end - at]);
                }
                2 => drop(bytes.splice(at..at, piece.iter().copied())),
                _ => bytes.truncate(at + 1),
            }
        }
        accepted += parse_both(&bytes);
    }
    assert!(
        accepted > 500,
        "{accepted}: the mutations should leave some files intact"
    );
}

#[test]
fn noise_after_the_magic_never_panics() {
    let mut random = Random(2);
    for _ in 0..20_000 {
        let mut bytes = b"\x93NUMPY\x01\0\x40\0".to_vec();
        bytes.extend((0..random.below(80)).map(|_| random.below(256) as u8));
        parse_both(&bytes);
    }
}

#[test]
fn nesting_is_refused_before_it_is_parsed() {
    for opening in ["(", "[", "{", "{1:", "[[[1,", "-"] {
        let mut bytes = b"\x93NUMPY\x02\0".to_vec();
        let text = format!(
            "{{'shape': (), 'descr': '<f4', 'fortran_order': {}",
            opening.repeat(1500)
        );
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text.as_bytes());
        assert_eq!(parse_both(&bytes), 0);
    }
}
