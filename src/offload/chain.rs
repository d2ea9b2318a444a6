//! What host data is streamed through: one operation, or several one after another.

use super::chunk::Cut;
use crate::{
    activation::Activation,
    error::{Error, Result},
    family::{
        alpha_dropout::AlphaDropout,
        dice::Dice,
        maxout::reference::Layout,
        softmax::reference::{Form, MaskedRows},
    },
    tensor::{View, axis_of},
    wgsl::Math,
};

/// An operation of a [`Chain`], with its parameters on the host.
///
/// ```
/// use wgpu_activations::{Activation, offload::{Chain, Step}};
///
/// // PReLU with a slope for each of two channels.
/// let parameters = Some(vec![0.25, 0.5]);
/// let prelu = Step::Pointwise { activation: Activation::PRELU, parameters };
/// assert_eq!(prelu.name(), "prelu");
/// assert!(Chain::new(prelu).result_shape(&[10, 3]).is_err()); // three channels
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// An activation of the catalogue.
    Pointwise {
        /// With its parameter where that serves the whole tensor.
        activation: Activation,
        /// One parameter for each channel along the axis.
        parameters: Option<Vec<f32>>,
    },
    /// Alpha dropout.
    AlphaDropout(AlphaDropout),
    /// Softmax or log-softmax along the axis.
    Softmax {
        /// Which of the two.
        form: Form,
        /// What a row of -infinity gives.
        masked: MaskedRows,
    },
    /// Dice, its channels along the axis.
    Dice {
        /// The slope of each channel where it is switched off.
        alpha: Vec<f32>,
        /// Added to the variance, > 0.
        epsilon: f32,
        /// Mean and variance of each channel; those of the tensor itself where there are none.
        statistics: Option<(Vec<f32>, Vec<f32>)>,
    },
    /// The largest of each group of channels along the axis.
    Maxout {
        /// Channels of a group.
        pieces: usize,
        /// Which channels are a group.
        layout: Layout,
    },
    /// The largest of several affine maps of the last axis.
    Affine {
        /// [pieces, d, m].
        weight: Vec<f32>,
        /// Pieces, d and m.
        shape: [usize; 3],
        /// [pieces, m].
        bias: Option<Vec<f32>>,
    },
}

/// Operations applied one after another in one trip to the device.
///
/// ```
/// use wgpu_activations::{Activation, offload::{Chain, Step}};
/// use wgpu_activations::family::softmax::reference::{Form, MaskedRows};
///
/// let softmax = Step::Softmax { form: Form::Softmax, masked: MaskedRows::Nan };
/// let chain = Chain::from(Activation::GELU).then(softmax).axis(-1);
/// assert_eq!(chain.to_string(), "gelu | softmax");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    pub(super) steps: Vec<Step>,
    pub(super) axis: i64,
    pub(super) math: Math,
}

/// How a chain goes about a tensor of some shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) view: View,
    pub(super) cut: Cut,
    /// The result's view: another extent only.
    pub(super) result: View,
    pub(super) result_shape: Vec<usize>,
}

/// A tensor and its result, seen along the axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(hidden)]
pub struct Views {
    pub input: View,
    pub result: View,
}

impl Chain {
    /// One operation, its channels or rows along the last axis.
    ///
    /// ```
    /// use wgpu_activations::{AlphaDropout, offload::{Chain, Step}};
    ///
    /// let chain = Chain::new(Step::AlphaDropout(AlphaDropout::new(0.05, 1)?));
    /// assert_eq!(chain.steps().len(), 1);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    pub fn new(step: Step) -> Self {
        Self {
            steps: vec![step],
            axis: -1,
            math: Math::Accurate,
        }
    }

    /// With one more operation at the end.
    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// With channels and rows along `axis`, which counts from the end where negative.
    #[must_use]
    pub fn axis(self, axis: i64) -> Self {
        Self { axis, ..self }
    }

    /// With elementary functions from `math`.
    ///
    /// ```
    /// use wgpu_activations::{Activation, Math, offload::Chain};
    ///
    /// let chain = Chain::from(Activation::TANH).math(Math::Native);
    /// assert_ne!(chain, Chain::from(Activation::TANH));
    /// ```
    #[must_use]
    pub fn math(self, math: Math) -> Self {
        Self { math, ..self }
    }

    /// The operations in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The shape of the result for an input of this shape.
    ///
    /// ```
    /// use wgpu_activations::{Activation, offload::{Chain, Step}, family::maxout::reference::Layout};
    ///
    /// let maxout = Step::Maxout { pieces: 4, layout: Layout::Adjacent };
    /// let chain = Chain::from(Activation::TANH).then(maxout).axis(1);
    /// assert_eq!(chain.result_shape(&[10, 64, 7])?, [10, 16, 7]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where chain and shape do not go together: [`Error::AxisOutOfRange`],
    /// [`Error::ChannelMismatch`], [`Error::PiecesMismatch`], [`Error::AffineMismatch`].
    pub fn result_shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        Ok(self.layout(shape)?.result_shape)
    }

    /// Where elementary functions come from.
    #[doc(hidden)]
    pub fn chosen_math(&self) -> Math {
        self.math
    }

    /// How the tensor and its result are seen.
    #[doc(hidden)]
    pub fn views(&self, shape: &[usize]) -> Result<Views> {
        let Plan { view, result, .. } = self.layout(shape)?;
        Ok(Views {
            input: view,
            result,
        })
    }

    pub(super) fn layout(&self, shape: &[usize]) -> Result<Plan> {
        if !self.steps.iter().any(Step::has_axis) {
            let view = View {
                outer: product(shape),
                ..View::ONE_CHANNEL
            };
            return Ok(Plan {
                view,
                cut: if self.drops_out() {
                    Cut::FourSlabs
                } else {
                    Cut::Anywhere
                },
                result: view,
                result_shape: shape.to_vec(),
            });
        }
        if self
            .steps
            .iter()
            .any(|step| matches!(step, Step::Affine { .. }))
        {
            return self.affine_layout(shape);
        }
        let axis = axis_of(shape, self.axis)?;
        let mut view = View {
            outer: product(&shape[..axis]),
            extent: shape[axis],
            inner: product(&shape[axis + 1..]),
        };
        let mut result_shape = shape.to_vec();
        for step in &self.steps {
            step.expect_channels(axis, &result_shape)?;
            if let Step::Maxout { pieces, .. } = step {
                result_shape[axis] /= pieces;
            }
        }
        if let [Step::Maxout { pieces, layout }] = self.steps[..] {
            // Groups alone: each is a short axis of its own.
            let groups = view.extent / pieces;
            view = match layout {
                Layout::Adjacent => View {
                    outer: view.outer * groups,
                    extent: pieces,
                    inner: view.inner,
                },
                Layout::Strided => View {
                    outer: view.outer,
                    extent: pieces,
                    inner: groups * view.inner,
                },
            };
            let result = View { extent: 1, ..view };
            return Ok(Plan {
                view,
                cut: Cut::WholeAxis,
                result,
                result_shape,
            });
        }
        let result = View {
            extent: result_shape[axis],
            ..view
        };
        let is = |test: fn(&Step) -> bool| self.steps.iter().any(test);
        let cut = if self.drops_out() {
            Cut::FourSlabs
        } else if is(|step| matches!(step, Step::Maxout { .. })) {
            Cut::WholeAxis
        } else if is(|step| matches!(step, Step::Softmax { .. })) {
            Cut::Rows
        } else {
            Cut::Anywhere
        };
        Ok(Plan {
            view,
            cut,
            result,
            result_shape,
        })
    }

    /// Whether what becomes of an element depends on its place in the whole tensor.
    fn drops_out(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|step| matches!(step, Step::AlphaDropout(_)))
    }

    /// Affine maps take rows along the last axis, and so does what stands beside them.
    fn affine_layout(&self, shape: &[usize]) -> Result<Plan> {
        let mut result_shape = shape.to_vec();
        let last = shape.len().saturating_sub(1);
        let axis = axis_of(shape, self.axis)?;
        if axis != last {
            return Err(Error::AxisOutOfRange {
                axis: self.axis,
                shape: shape.to_vec(),
            });
        }
        for step in &self.steps {
            step.expect_channels(axis, &result_shape)?;
            match step {
                Step::Affine { shape, .. } => result_shape[last] = shape[2],
                Step::Maxout { pieces, .. } => result_shape[last] /= pieces,
                _ => {}
            }
        }
        let view = View {
            outer: product(&shape[..last]),
            extent: shape[last],
            inner: 1,
        };
        Ok(Plan {
            view,
            cut: Cut::WholeAxis,
            result: View {
                extent: result_shape[last],
                ..view
            },
            result_shape,
        })
    }
}

impl Step {
    /// Its name in the catalogue.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pointwise { activation, .. } => activation.name(),
            Self::AlphaDropout(_) => "alpha-dropout",
            Self::Softmax { form, .. } => form.name(),
            Self::Dice { .. } => "dice",
            Self::Maxout { .. } | Self::Affine { .. } => "maxout",
        }
    }

    /// Whether the axis means something to it.
    fn has_axis(&self) -> bool {
        !matches!(
            self,
            Self::Pointwise {
                parameters: None,
                ..
            } | Self::AlphaDropout(_)
        )
    }

    /// Whether the axis of a tensor of this shape has as many channels as it wants.
    fn expect_channels(&self, axis: usize, shape: &[usize]) -> Result<()> {
        let channels = shape[axis];
        let expect = |parameter, found| {
            if found == channels {
                return Ok(());
            }
            Err(Error::ChannelMismatch {
                op: self.name().to_owned(),
                parameter,
                found,
                channels,
                axis,
                shape: shape.to_vec(),
            })
        };
        match self {
            Self::Pointwise {
                activation,
                parameters: Some(parameters),
            } => {
                let parameter = &activation.definition().parameter;
                let name = parameter.as_ref().map(|parameter| parameter.name);
                let name = name.ok_or_else(|| Error::UnknownParameter {
                    op: self.name().to_owned(),
                    name: "one per channel".to_owned(),
                    known: Vec::new(),
                })?;
                expect(name, parameters.len())
            }
            Self::Dice {
                alpha,
                epsilon,
                statistics,
            } => {
                Dice::expect_epsilon(*epsilon)?;
                expect("alpha", alpha.len())?;
                if let Some((mean, variance)) = statistics {
                    expect("mean", mean.len())?;
                    return expect("variance", variance.len());
                }
                let one_each = !shape.contains(&0) && product(shape) == channels;
                if one_each {
                    return Err(Error::BatchTooSmall {
                        op: self.name().to_owned(),
                        axis,
                        shape: shape.to_vec(),
                    });
                }
                Ok(())
            }
            Self::Maxout { pieces, .. } if *pieces == 0 || !channels.is_multiple_of(*pieces) => {
                Err(Error::PiecesMismatch {
                    op: self.name().to_owned(),
                    pieces: *pieces,
                    channels,
                    axis,
                    shape: shape.to_vec(),
                })
            }
            Self::Affine {
                shape: weight,
                weight: values,
                bias,
            } => {
                let [pieces, inputs, outputs] = *weight;
                let mismatch = |tensor, shape: &[usize], rule| {
                    Err(Error::AffineMismatch {
                        op: self.name().to_owned(),
                        tensor,
                        shape: shape.to_vec(),
                        weight: Some(weight.to_vec()),
                        rule,
                    })
                };
                if pieces == 0 || values.len() != pieces * inputs * outputs {
                    let rule = "it must be [pieces, d, m] with 1 piece or more";
                    return mismatch("weight", &[values.len()], rule);
                }
                if bias
                    .as_ref()
                    .is_some_and(|bias| bias.len() != pieces * outputs)
                {
                    let found = bias.as_ref().map_or(0, Vec::len);
                    let rule = "it must be [pieces, m] of weight's [pieces, d, m]";
                    return mismatch("bias", &[found], rule);
                }
                if channels != inputs {
                    let rule = "x must be [.., d] of weight's [pieces, d, m]";
                    return mismatch("x", shape, rule);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl From<Step> for Chain {
    fn from(step: Step) -> Self {
        Self::new(step)
    }
}

impl From<Activation> for Chain {
    fn from(activation: Activation) -> Self {
        Self::new(Step::Pointwise {
            activation,
            parameters: None,
        })
    }
}

impl From<AlphaDropout> for Chain {
    fn from(dropout: AlphaDropout) -> Self {
        Self::new(Step::AlphaDropout(dropout))
    }
}

impl std::fmt::Display for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            if index > 0 {
                f.write_str(" | ")?;
            }
            match step {
                Step::Pointwise {
                    activation,
                    parameters: None,
                } => write!(f, "{activation}")?,
                _ => f.write_str(step.name())?,
            }
        }
        Ok(())
    }
}

/// Elements of a shape; the other axes of an empty one may be as long as they like.
fn product(shape: &[usize]) -> usize {
    if shape.contains(&0) {
        return 0;
    }
    shape.iter().product()
}
