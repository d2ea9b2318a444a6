//! Which kernels run on which tensors.

use super::{
    Blocks, Gated,
    shader::{GatedArguments, Walk},
};
use crate::{
    element::ElementType,
    error::{Error, Result},
    family::{Operation, inputs_error},
    gpu::{
        Binding::{self, Read, Write},
        Kernel,
    },
    kernel::{
        Window, expect_alike, expect_apart, expect_shape, largest_window,
        recorder::Recorder,
        reduce::Reduce,
        tiles::{self, Tiles},
    },
    tensor::{Tensor, View},
    wgsl::{PerChannel, Reduction},
};

/// Elements by their own numbers, whose sums are the gradients of parameters.
const TERMS: PerChannel = PerChannel::own(
    "alias Parameter = f32;
alias Terms = f32;
fn value(x: f32, parameter: f32) -> f32 { return x; }
fn backward(x: f32, upstream: f32, parameter: f32) -> f32 { return upstream; }
fn terms(x: f32, upstream: f32, parameter: f32) -> f32 { return x; }",
    1,
);

/// What is computed, by the tensors it touches beside gate and up.
#[derive(Clone, Copy)]
pub(super) enum Pass<'a> {
    Forward {
        y: &'a Tensor,
    },
    Backward {
        upstream: &'a Tensor,
        /// Of the gate, or of the one tensor.
        dx: &'a Tensor,
        /// Of up, where that is a tensor of its own.
        up: Option<&'a Tensor>,
    },
    /// Of the gradient of a parameter of f.
    Terms {
        parameter: usize,
        upstream: &'a Tensor,
        terms: &'a Tensor,
    },
}

const OWN: &str = "a tensor of its own";

impl<'a> Pass<'a> {
    /// The entry point, and the tensors under the bindings that it gives them, of two tensors.
    fn apart(
        self,
        gate: &'a Tensor,
        up: &'a Tensor,
    ) -> (&'static str, &'static [Binding], Vec<(u32, &'a Tensor)>) {
        match self {
            Self::Forward { y } if y.is(gate) => (
                "forward_in_place",
                &[Read(1), Write(2)],
                vec![(1, up), (2, y)],
            ),
            Self::Forward { y } => (
                "forward",
                &[Read(0), Read(1), Write(2)],
                vec![(0, gate), (1, up), (2, y)],
            ),
            Self::Backward {
                upstream,
                dx,
                up: up_gradient,
            } => {
                let mut tensors = vec![(0, gate), (1, up), (2, dx)];
                let in_place = dx.is(upstream);
                if !in_place {
                    tensors.push((4, upstream));
                }
                tensors.extend(up_gradient.map(|tensor| (5, tensor)));
                match in_place {
                    true => (
                        "backward_in_place",
                        &[Read(0), Read(1), Write(2), Write(5)],
                        tensors,
                    ),
                    false => (
                        "backward_pass",
                        &[Read(0), Read(1), Write(2), Read(4), Write(5)],
                        tensors,
                    ),
                }
            }
            Self::Terms {
                upstream, terms, ..
            } => (
                "parameter_terms",
                &[Read(0), Read(1), Read(4), Write(6)],
                vec![(0, gate), (1, up), (4, upstream), (6, terms)],
            ),
        }
    }

    /// The same of one tensor.
    fn together(self, x: &'a Tensor) -> (&'static str, &'static [Binding], Vec<(u32, &'a Tensor)>) {
        match self {
            Self::Forward { y } => ("forward", &[Read(0), Write(2)], vec![(0, x), (2, y)]),
            Self::Backward { upstream, dx, .. } => (
                "backward_pass",
                &[Read(0), Read(1), Write(2)],
                vec![(0, x), (1, upstream), (2, dx)],
            ),
            Self::Terms {
                upstream, terms, ..
            } => (
                "parameter_terms",
                &[Read(0), Read(1), Write(6)],
                vec![(0, x), (1, upstream), (6, terms)],
            ),
        }
    }

    /// The parameter whose gradient's terms are computed, if it is that.
    const fn term(self) -> Option<usize> {
        match self {
            Self::Terms { parameter, .. } => Some(parameter),
            _ => None,
        }
    }
}

impl Gated {
    /// Records the dispatches that `pass` takes over `x`: gate and up, or the one tensor that holds both.
    pub(super) fn record(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        pass: Pass<'_>,
    ) -> Result<()> {
        self.expect(x, pass)?;
        if x[0].is_empty() {
            return Ok(());
        }
        match (x, self.blocks(x[0].shape())?) {
            (_, Some((_, blocks))) => self.record_together(recorder, x[0], blocks, pass),
            ([gate, up], None) => self.record_apart(recorder, gate, up, pass),
            _ => Err(self.inputs_error(x.len())),
        }
    }

    /// The gradient of a parameter of f: f32, one number.
    pub(super) fn record_parameter(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        parameter: usize,
        upstream: &Tensor,
    ) -> Result<Tensor> {
        let gpu = upstream.gpu();
        if upstream.is_empty() {
            return gpu.filled(0.0, [0usize; 0]);
        }
        let terms = recorder.allocate(gpu, [upstream.len()], ElementType::F32)?;
        let terms = &terms;
        let pass = Pass::Terms {
            parameter,
            upstream,
            terms,
        };
        self.record(recorder, x, pass)?;
        let parameters = gpu.upload(&[0.0f32], [1])?;
        recorder.keep(&parameters);
        let reduce = Reduce {
            op: self.unit.name(),
            reduction: Reduction::terms(TERMS, self.math),
            view: View {
                outer: terms.len(),
                ..View::ONE_CHANNEL
            },
            x: terms,
            upstream: Some(terms),
            parameters: &[parameters],
            dx: None,
        };
        let sum = reduce.record(recorder)?.reshaped([0usize; 0])?;
        recorder.done_with(terms.clone());
        Ok(sum)
    }

    pub(super) fn inputs_error(&self, found: usize) -> Error {
        inputs_error(self, found)
    }

    /// Fails unless the tensors go together.
    fn expect(&self, x: &[&Tensor], pass: Pass<'_>) -> Result<()> {
        let op = &self.unit.name();
        if x.len() != self.inputs() {
            return Err(self.inputs_error(x.len()));
        }
        let first = (self.input_names()[0], x[0]);
        let result = self.output_shape(x[0].shape())?;
        let expect_result =
            |name, tensor| expect_shape(op, (name, tensor), ("the result", &result), first);
        let named: Vec<_> = self
            .input_names()
            .iter()
            .copied()
            .zip(x.iter().copied())
            .collect();
        for other in &named[1..] {
            expect_alike(op, *other, first)?;
        }
        match pass {
            Pass::Forward { y } => {
                expect_result("y", y)?;
                let is_gate = self.works_in_place() && y.is(x[0]);
                let others = named.into_iter().skip(usize::from(is_gate));
                let instead = match self.works_in_place() {
                    true => "the gate itself",
                    false => OWN,
                };
                others
                    .into_iter()
                    .try_for_each(|input| expect_apart(op, input, ("y", y), instead))
            }
            Pass::Backward { upstream, dx, up } => {
                expect_result("upstream", upstream)?;
                expect_alike(op, ("the gate's gradient", dx), first)?;
                let over = self.works_in_place() && dx.is(upstream);
                let upstream = ("upstream", upstream);
                let gradients = [
                    Some(("the gate's gradient", dx)),
                    up.map(|up| ("up's gradient", up)),
                ];
                for gradient in gradients.into_iter().flatten() {
                    expect_alike(op, gradient, first)?;
                    for input in &named {
                        expect_apart(op, *input, gradient, OWN)?;
                    }
                    if !(over && gradient.1.is(dx)) {
                        expect_apart(op, upstream, gradient, OWN)?;
                    }
                }
                up.map_or(Ok(()), |up| {
                    let dx = ("the gate's gradient", dx);
                    expect_apart(op, dx, ("up's gradient", up), OWN)
                })
            }
            Pass::Terms { upstream, .. } => expect_result("upstream", upstream),
        }
    }

    fn arguments(&self) -> GatedArguments {
        let [parameter_a, parameter_b, parameter_c, parameter_d] = self.f.all_parameters();
        GatedArguments {
            parameter_a,
            parameter_b,
            parameter_c,
            parameter_d,
            limit: self.limit,
            ..GatedArguments::default()
        }
    }

    /// Tells compilers parameters of 1, which most have.
    fn constants(&self) -> Vec<(&'static str, u32)> {
        let numbers = self.f.parameters();
        let are_one = !numbers.is_empty() && numbers.iter().all(|it| *it == 1.0);
        are_one.then_some(("ONE", 1)).into_iter().collect()
    }

    fn record_apart(
        &self,
        recorder: &mut Recorder<'_>,
        gate: &Tensor,
        up: &Tensor,
        pass: Pass<'_>,
    ) -> Result<()> {
        let element = gate.element();
        let (entry_point, bindings, tensors) = pass.apart(gate, up);
        // Windows hold as many elements of each tensor; terms are the largest.
        let of_windows = match pass {
            Pass::Terms { terms, .. } => (terms, ElementType::F32),
            _ => (gate, element),
        };
        let size = of_windows.1.size();
        tiles::record(
            recorder.encoder,
            of_windows,
            |remainder| {
                let shader = |vectors| self.apart(vectors, pass.term());
                let of = (element, remainder);
                let mut kernel = tiles::kernel(gate.gpu(), of, shader, entry_point, bindings);
                kernel.constants.extend(self.constants());
                kernel
            },
            |window| {
                let mut bound = Vec::new();
                for &(binding, tensor) in &tensors {
                    let of_tensor = tensor.element().size();
                    let window = Window {
                        start: window.start / size * of_tensor,
                        bytes: window.bytes.div_ceil(size) * of_tensor,
                    };
                    bound.push(window.bind(binding, tensor));
                }
                bound
            },
            |tiles: &Tiles| GatedArguments {
                length: tiles.length as u32,
                tiles: tiles.whole,
                ..self.arguments()
            },
        )
    }

    fn record_together(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        Blocks { rows, block }: Blocks,
        pass: Pass<'_>,
    ) -> Result<()> {
        let gpu = x.gpu();
        let walk = Walk::of(block);
        let mut vectors = gpu.tuning().vectors(x.element());
        if walk == Walk::Elements {
            vectors = x.element().into();
        }
        let (entry_point, bindings, tensors) = pass.together(x);
        let mut constants = self.constants();
        constants.push(("UP_FIRST", u32::from(self.gate_last)));
        let kernel = Kernel {
            shader: self.together(walk, vectors, pass.term()),
            entry_point,
            bindings,
            constants,
            workgroup: gpu.workgroup(64),
        };
        // A window may begin up to 255 bytes before its first row.
        let size = x.element().size();
        let most = ((largest_window(gpu) - 256) / (2 * size)) as usize;
        let most = match pass {
            Pass::Terms { .. } => most.min(((largest_window(gpu) - 256) / 4) as usize),
            _ => most,
        };
        // Vectors of y lie in one window: in fours, unless all rows do.
        let fit = (most / block) & !3;
        if fit == 0 && rows * block > most {
            return Err(Error::TooLarge {
                what: format!("{}: a run of four rows of {block} gates", self.unit.name()),
                bytes: 8 * block as u64 * size,
                limit: 2 * most as u64 * size,
                advice: "split the tensor, or give gate and up as two",
            });
        }
        let at_once = if fit == 0 { rows } else { fit };
        for first in (0..rows).step_by(at_once) {
            let count = at_once.min(rows - first);
            let length = count * block;
            let mut arguments = GatedArguments {
                length: length as u32,
                block: block as u32,
                ..self.arguments()
            };
            let mut windows = Vec::new();
            for &(binding, tensor) in &tensors {
                let is_of_x = tensor.len() == x.len();
                let times = if is_of_x { 2 } else { 1 };
                let (window, skip) = Window::around(tensor, times * first * block, times * length);
                match (is_of_x, binding) {
                    (true, _) => arguments.x_skip = skip,
                    (false, 6) => arguments.terms_skip = skip,
                    _ => arguments.y_skip = skip,
                }
                windows.push((binding, tensor, window));
            }
            // Threads take vectors of y; element by element those of dx.
            let of_x = walk == Walk::Elements && matches!(pass, Pass::Backward { .. });
            let threads = if of_x { 2 * length } else { length }.div_ceil(4);
            let groups = kernel.groups(threads as u64);
            recorder.dispatch_windows(&kernel, &windows, &arguments, groups)?;
        }
        Ok(())
    }
}
