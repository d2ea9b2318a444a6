//! An `.npz` file of any bytes is streamed or refused; what is streamed is as long as claimed.

use std::io::{Cursor, Read};

use wgpu_activations::io::npz::Member;

/// Panics where that does not hold.
pub(crate) fn run(bytes: &[u8]) {
    for name in [None, Some("x")] {
        let mut member = match Member::new(Cursor::new(bytes), name) {
            Ok(member) => member,
            Err(error) => {
                assert!(!error.to_string().contains(char::is_control), "{error:?}");
                continue;
            }
        };
        let claimed = member.header().data_bytes().expect("the claim was held");
        let mut buffer = [0; 4096];
        let mut found = 0;
        loop {
            match member.read(&mut buffer) {
                Ok(0) => {
                    assert_eq!(found, claimed);
                    break;
                }
                Ok(count) => found += count as u64,
                Err(_) => break,
            }
            assert!(found <= claimed);
        }
    }
}
