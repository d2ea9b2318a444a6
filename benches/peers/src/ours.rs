//! wgpu-activations, by its public interface.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::{Duration, Instant},
};

use wgpu_activations::{
    Activation, Adapter, Dice, ElementType, Gpu, Math, Maxout, Pointwise, ShaderChecks, Softmax,
    Tensor,
    family::maxout::reference::Layout,
    kernel::baseline::{encode_copy, encode_streams},
};

use crate::{
    Result,
    case::{CHANNELS, Case, EPSILON, Op, PIECES, slopes},
};

/// The name of rows.
pub fn implementation() -> String {
    format!("wgpu-activations {}", version())
}

/// The version of the crate beside this one.
fn version() -> &'static str {
    let manifest = include_str!("../../../Cargo.toml");
    let mut lines = manifest.lines();
    let version = lines.find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    version.unwrap_or("unknown")
}

/// An input and where its result goes.
pub type Pair = (Tensor, Tensor);

/// A device of ours, and tensors on it.
pub struct Ours {
    gpu: Gpu,
    copies: usize,
    pairs: RefCell<BTreeMap<Vec<usize>, Rc<Vec<Pair>>>>,
}

type Record = Box<dyn Fn(&mut wgpu::CommandEncoder, &Pair) -> wgpu_activations::Result<()>>;
type Submit = Box<dyn Fn(&Pair) -> wgpu_activations::Result<Option<Tensor>>>;

/// What is run: one of the operations, or what it is measured by.
pub enum Work {
    /// Recorded into an encoder, many to a submission.
    Recorded(Record),
    /// Submitted one by one, since what it allocates then goes back to the pool. It gives y, unless it
    /// writes it where it should go.
    Submitted(Submit),
}

impl Ours {
    /// Opens the adapter, for `copies` inputs of each shape.
    pub fn open(adapter: &Adapter, copies: usize) -> Result<Self> {
        Ok(Self {
            gpu: Gpu::open(adapter, ShaderChecks::Trusted)?,
            copies,
            pairs: RefCell::default(),
        })
    }

    /// The tensors of a case.
    pub fn pairs(&self, case: Case, x: &[f32]) -> Result<Rc<Vec<Pair>>> {
        let key = [case.shape(), case.y_shape()].concat();
        if let Some(pairs) = self.pairs.borrow().get(&key) {
            return Ok(pairs.clone());
        }
        let pair = |_| -> Result<Pair> {
            let x = self.gpu.upload(x, case.shape())?;
            Ok((x, self.gpu.allocate(case.y_shape(), ElementType::F32)?))
        };
        let pairs = Rc::new((0..self.copies).map(pair).collect::<Result<Vec<_>>>()?);
        self.pairs.borrow_mut().insert(key, pairs.clone());
        Ok(pairs)
    }

    /// The operation.
    pub fn work(&self, op: Op, math: Math) -> Result<Work> {
        let alpha = || self.gpu.upload(&slopes(), [CHANNELS]);
        Ok(match op {
            Op::Pointwise(activation) => {
                let op = Pointwise::new(activation).math(math);
                Work::Recorded(Box::new(move |encoder, (x, y)| {
                    op.encode_forward(encoder, x, y)
                }))
            }
            Op::Prelu => {
                let alpha = alpha()?;
                Work::Recorded(Box::new(move |encoder, (x, y)| {
                    let prelu = Pointwise::new(Activation::PRELU).math(math);
                    prelu.per_channel(&alpha, -1)?.encode_forward(encoder, x, y)
                }))
            }
            Op::Softmax(form) => {
                let softmax = Softmax::with_form(form, -1).math(math);
                Work::Recorded(Box::new(move |encoder, (x, y)| {
                    softmax.encode_forward(encoder, x, y)
                }))
            }
            Op::Dice => {
                let dice = Dice::new(&self.gpu, CHANNELS)?.epsilon(EPSILON)?.math(math);
                dice.alpha().write(&slopes())?;
                Work::Submitted(Box::new(move |(x, _)| Ok(Some(dice.train(x)?.0))))
            }
            Op::Maxout => {
                let maxout = Maxout::new(PIECES, Layout::Adjacent, -1);
                Work::Submitted(Box::new(move |(x, y)| {
                    maxout.forward_into(x, y)?;
                    Ok(None)
                }))
            }
        })
    }

    /// What it is measured by, its name and the bytes that it moves.
    pub fn baseline(case: Case) -> (&'static str, u64, Work) {
        match case.op {
            Op::Maxout => {
                let work = Work::Recorded(Box::new(|encoder, (x, y)| {
                    encode_streams(encoder, x, PIECES as u32, y)
                }));
                ("streams", case.moved_bytes(), work)
            }
            _ => {
                let work = Work::Recorded(Box::new(|encoder, (x, y)| encode_copy(encoder, x, y)));
                ("copy", case.input_bytes() + case.output_bytes(), work)
            }
        }
    }

    /// The result for one pair, on the host.
    pub fn result(&self, work: &Work, pair: &Pair) -> Result<Vec<f32>> {
        let made = match work {
            Work::Recorded(record) => {
                let mut encoder = self
                    .gpu
                    .device()
                    .create_command_encoder(&Default::default());
                record(&mut encoder, pair)?;
                self.gpu.queue().submit([encoder.finish()]);
                None
            }
            Work::Submitted(run) => run(pair)?,
        };
        Ok(made.as_ref().unwrap_or(&pair.1).download()?)
    }

    /// Runs `work` `repeats` times, on the tensors in turn, and waits once. Recording counts.
    pub fn time(
        &self,
        work: &Work,
        pairs: &[Pair],
        turn: &Cell<usize>,
        repeats: u32,
    ) -> Result<Duration> {
        let next = || {
            let pair = &pairs[turn.get()];
            turn.set((turn.get() + 1) % pairs.len());
            pair
        };
        let start = Instant::now();
        match work {
            Work::Recorded(record) => {
                let mut encoder = self
                    .gpu
                    .device()
                    .create_command_encoder(&Default::default());
                for _ in 0..repeats {
                    record(&mut encoder, next())?;
                }
                self.gpu.queue().submit([encoder.finish()]);
            }
            Work::Submitted(run) => {
                for _ in 0..repeats {
                    run(next())?;
                }
            }
        }
        self.gpu.wait()?;
        Ok(start.elapsed())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_found() {
        assert!(super::version().starts_with(|c: char| c.is_ascii_digit()));
    }
}
