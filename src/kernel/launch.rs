//! What the pointwise kernels compute: a pass over tensors, with its pipeline and parameters.

use std::fmt;

use super::{Window, bind, expect_alike, expect_apart, expect_result};
use crate::{
    activation::MOST_PARAMETERS,
    element::ElementType,
    error::Result,
    gpu::Binding::{self, Read, Write},
    tensor::{Tensor, View},
    wgsl::{BINDINGS, Math, PerChannel, Shader, Vectors},
};

/// What a dispatch computes, by the tensors it touches.
#[derive(Clone, Copy)]
pub(crate) enum Pass<'a> {
    Forward {
        x: &'a Tensor,
        y: &'a Tensor,
    },
    ForwardInPlace {
        x: &'a Tensor,
    },
    Backward {
        x: &'a Tensor,
        upstream: &'a Tensor,
        dx: &'a Tensor,
    },
    BackwardInPlace {
        x: &'a Tensor,
        upstream: &'a Tensor,
    },
}

/// The pointwise kernels with something to compute.
pub(crate) struct Launch<'a> {
    /// Composes the kernel over tiles.
    pub(crate) shader: &'a dyn Fn(Vectors) -> Shader,
    /// The same function over columns, where it has parameters per channel.
    pub(crate) columns: Option<(PerChannel, Math)>,
    /// What the tensors' memory is seen as.
    pub(crate) element: ElementType,
    /// A constant that shapes the kernel over tiles.
    pub(crate) constant: Option<(&'static str, u32)>,
    /// The activation's parameters where they serve the whole tensor.
    pub(crate) numbers: [f32; MOST_PARAMETERS],
    /// Each per channel, or those of several activations in one
    pub(crate) parameters: &'a [Tensor],
    /// of which this is the first that counts.
    pub(crate) first_parameter: u32,
    pub(crate) view: View,
}

impl Launch<'_> {
    pub(crate) fn bindings<'b>(
        &'b self,
        pass: Pass<'b>,
        window: Window,
    ) -> Vec<wgpu::BindGroupEntry<'b>> {
        let tensors = pass.tensors().into_iter().flatten();
        let mut bindings: Vec<_> = tensors
            .map(|(binding, tensor)| window.bind(binding, tensor))
            .collect();
        bindings.extend(bind_parameters(self.parameters));
        bindings
    }
}

/// Tensors of parameters as bindings.
pub(crate) fn bind_parameters(
    parameters: &[Tensor],
) -> impl Iterator<Item = wgpu::BindGroupEntry<'_>> {
    let numbered = BINDINGS.into_iter().zip(parameters);
    numbered.map(|(binding, tensor)| bind(binding, tensor))
}

impl<'a> Pass<'a> {
    /// y = f(x), where y may be x.
    pub(crate) fn forward(x: &'a Tensor, y: &'a Tensor) -> Self {
        match x.is(y) {
            true => Self::ForwardInPlace { x },
            false => Self::Forward { x, y },
        }
    }

    /// dx = f'(x) upstream, where dx may be upstream.
    pub(crate) fn backward(x: &'a Tensor, upstream: &'a Tensor, dx: &'a Tensor) -> Self {
        match dx.is(upstream) {
            true => Self::BackwardInPlace { x, upstream },
            false => Self::Backward { x, upstream, dx },
        }
    }

    pub(crate) const fn x(self) -> &'a Tensor {
        match self {
            Self::Forward { x, .. }
            | Self::ForwardInPlace { x }
            | Self::Backward { x, .. }
            | Self::BackwardInPlace { x, .. } => x,
        }
    }

    pub(crate) const fn upstream(self) -> Option<&'a Tensor> {
        match self {
            Self::Forward { .. } | Self::ForwardInPlace { .. } => None,
            Self::Backward { upstream, .. } | Self::BackwardInPlace { upstream, .. } => {
                Some(upstream)
            }
        }
    }

    pub(crate) const fn output(self) -> &'a Tensor {
        match self {
            Self::Forward { y: output, .. }
            | Self::ForwardInPlace { x: output }
            | Self::Backward { dx: output, .. }
            | Self::BackwardInPlace {
                upstream: output, ..
            } => output,
        }
    }

    pub(crate) const fn entry_point(self) -> &'static str {
        match self {
            Self::Forward { .. } => "forward",
            Self::ForwardInPlace { .. } => "forward_in_place",
            Self::Backward { .. } => "backward_pass",
            Self::BackwardInPlace { .. } => "backward_in_place",
        }
    }

    /// The tensors under the bindings that the entry point gives them.
    pub(crate) const fn tensors(self) -> [Option<(u32, &'a Tensor)>; 3] {
        match self {
            Self::Forward { x, y } => [Some((0, x)), Some((2, y)), None],
            Self::ForwardInPlace { x } => [Some((2, x)), None, None],
            Self::Backward { x, upstream, dx } => {
                [Some((0, x)), Some((1, upstream)), Some((2, dx))]
            }
            Self::BackwardInPlace { x, upstream } => [Some((0, x)), Some((2, upstream)), None],
        }
    }

    /// Those that the entry point uses, with so many tensors of parameters.
    pub(crate) fn bindings(self, parameters: usize) -> &'static [Binding] {
        const ALL: &[Binding] = &[
            Read(1),
            Read(0),
            Write(2),
            Read(3),
            Read(6),
            Read(7),
            Read(8),
        ];
        let first = match self {
            Self::Backward { .. } => 0,
            Self::Forward { .. } | Self::BackwardInPlace { .. } => 1,
            Self::ForwardInPlace { .. } => 2,
        };
        &ALL[first..3 + parameters]
    }

    /// Fails unless the tensors go together, for a result of this shape.
    pub(crate) fn expect_fit(
        self,
        op: &dyn fmt::Display,
        result: &[usize],
        in_place: bool,
    ) -> Result<()> {
        const OWN: &str = "a tensor of its own";
        let instead = |call| if in_place { call } else { OWN };
        let x = ("x", self.x());
        let expect = |tensor| expect_result(op, tensor, result, x.1);
        match self {
            Self::Forward { y, .. } => {
                expect(("y", y))?;
                expect_apart(op, x, ("y", y), instead("forward_in_place"))
            }
            Self::ForwardInPlace { .. } => Ok(()),
            Self::Backward { upstream, dx, .. } => {
                expect(("upstream", upstream))?;
                expect_alike(op, ("dx", dx), x)?;
                expect_apart(op, x, ("dx", dx), OWN)?;
                let upstream = ("upstream", upstream);
                expect_apart(op, upstream, ("dx", dx), instead("backward_in_place"))
            }
            Self::BackwardInPlace { upstream, .. } => {
                expect(("upstream", upstream))?;
                expect_apart(op, x, ("upstream", upstream), "backward")
            }
        }
    }
}
