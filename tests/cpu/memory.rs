//! Arrays in memory are computed with where they are.

use std::ops::Range;

use wgpu_activations::{
    Chain, Cpu, ElementType, Offload, Result,
    io::{Shared, Sink, Slice, Source},
    offload::{Purpose, Request},
};

use crate::{bits, spread};

/// Memory that is lent, or read.
struct Memory<'a> {
    slice: Slice<'a, f32>,
    lent: bool,
}

impl Source for Memory<'_> {
    fn read(&self, at: Range<usize>, put: &mut dyn FnMut(&[u8])) -> Result<()> {
        assert!(!self.lent, "it was copied");
        self.slice.read(at, put)
    }

    fn lend(&self, at: Range<usize>) -> Option<&[u8]> {
        self.slice.lend(at).filter(|_| self.lent)
    }
}

/// Memory that is filled, or written to.
struct Made<'a> {
    shared: Shared<'a>,
    filled: bool,
}

impl Sink for Made<'_> {
    fn write(&self, first: usize, bytes: &[u8]) -> Result<()> {
        assert!(!self.filled, "it was copied");
        self.shared.write(first, bytes)
    }

    fn fill(&self, at: Range<usize>, make: &mut dyn FnMut(&mut [u8])) -> bool {
        self.filled && self.shared.fill(at, make)
    }
}

/// In many chunks and in one, with one result and with two; of Dice, too, which looks at all of it first.
#[test]
fn what_lies_in_memory_is_not_copied() {
    const SHAPE: [usize; 2] = [300, 128];
    let numbers = [1, 2, 3].map(|seed| spread(SHAPE[0] * SHAPE[1], seed));
    let made = |chain: &Chain, memory: u64, purpose: Purpose, in_memory: bool| {
        let [x, second, upstream] = numbers.each_ref().map(|numbers| Memory {
            slice: Slice(numbers),
            lent: in_memory,
        });
        let results = match purpose {
            Purpose::Backward => chain.inputs(),
            _ => 1,
        };
        let mut into = vec![vec![f32::NAN; numbers[0].len()]; results];
        let sinks = into.iter_mut().map(|y| Made {
            shared: Shared::undivided(y),
            filled: in_memory,
        });
        let sinks: Vec<_> = sinks.collect();
        let offload = Offload::new(&Cpu::new()).memory(memory);
        let prepared = offload.prepare(chain, &SHAPE, ElementType::F32, purpose);
        let done = prepared.unwrap().run(&Request {
            sources: [&x as &dyn Source, &second][..chain.inputs()].to_vec(),
            upstream: (purpose == Purpose::Backward).then_some(&upstream as &dyn Source),
            sinks: sinks.iter().map(|sink| sink as &dyn Sink).collect(),
            indices: None,
            observer: None,
        });
        let parameters = done
            .unwrap_or_else(|error| panic!("{chain}: {error}"))
            .parameters;
        drop(sinks);
        (into.iter().map(|y| bits(y)).collect::<Vec<_>>(), parameters)
    };
    for memory in [1 << 18, 1 << 24] {
        for text in ["gelu", "softmax", "dice", "gelu | log-softmax", "swiglu"] {
            let chain: Chain = text.parse().unwrap();
            for purpose in [Purpose::Forward, Purpose::Backward] {
                let [copied, in_memory] = [false, true].map(|it| made(&chain, memory, purpose, it));
                assert!(copied == in_memory, "{text} {purpose:?} in {memory} bytes");
            }
        }
    }
}
