//! What every operation can do, whichever family it is of: ours and a user's own alike.

use std::{any::Any, fmt, ops::Range, pin::Pin};

use super::{
    by_reference,
    reference::{Sheet, Sum, Table},
    survey::Survey,
};
use crate::{
    accuracy::bound::Bound,
    activation::Activation,
    cpu::{Slice, SliceMut},
    error::Result,
    kernel::recorder::Recorder,
    tensor::{Tensor, View},
    wgsl::Math,
};

/// An operation with its parameters: what a [`Chain`](crate::Chain) is made of.
///
/// One implementation serves tensors on the device, host data streamed in chunks, verification and
/// benchmarks. Its text ([`fmt::Display`]) is what parses to it again: `elu(alpha=0.5)`.
///
/// The methods from [`Operation::output_shape`] to [`Operation::record_backward`] are needed; the others have
/// defaults that suit an operation whose elements do not depend on each other.
pub trait Operation: Boxed + fmt::Display + fmt::Debug + Send + Sync + Any {
    /// The name in messages: `elu`.
    fn name(&self) -> &str;

    /// The tensors that it takes, all of one shape, as messages call them.
    fn input_names(&self) -> &'static [&'static str] {
        &["x"]
    }

    /// How many these are.
    fn inputs(&self) -> usize {
        self.input_names().len()
    }

    /// The shape rule: the result's shape for inputs of this shape.
    ///
    /// # Errors
    ///
    /// Where operation and shape do not go together, which names both and the rule.
    fn output_shape(&self, shape: &[usize]) -> Result<Vec<usize>>;

    /// Records y of the inputs `x`. Where [`Operation::works_in_place`], y may be the first of them.
    ///
    /// Inputs and result have one element type; computing is in f32.
    ///
    /// # Errors
    ///
    /// Where the tensors do not go together, and what the device reports.
    fn record_forward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        y: &Tensor,
    ) -> Result<Saved>;

    /// Records the gradients with respect to the inputs into `dx` and, where `parameters` are wanted, returns those of
    /// the parameters, f32, in the order of [`Operation::gradients`]. `x` and `saved` are what the forward pass was given and gave; where
    /// [`Operation::works_in_place`], the first of `dx` may be `upstream`.
    ///
    /// # Errors
    ///
    /// As [`Operation::record_forward`].
    fn record_backward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        saved: &Saved,
        upstream: &Tensor,
        dx: &[&Tensor],
        parameters: bool,
    ) -> Result<Vec<Tensor>>;

    /// Computes y of the inputs `x`, of `shape`, on the processor. Inputs and result have one element type; computing is
    /// in f32. Without a kernel of the operation's own it is the reference, of which verifying says nothing then.
    ///
    /// # Errors
    ///
    /// Where operation and shape do not go together.
    fn compute_forward(&self, shape: &[usize], x: &[Slice<'_>], y: SliceMut<'_>) -> Result<Saved> {
        by_reference::forward(self.as_dyn(), shape, x, y)
    }

    /// Computes the gradients with respect to the inputs into `dx` on the processor and, where `parameters` are wanted,
    /// returns those of the parameters, in the order of [`Operation::gradients`]. `x` and `saved` are what the forward
    /// pass was given and gave.
    ///
    /// # Errors
    ///
    /// As [`Operation::compute_forward`].
    fn compute_backward(
        &self,
        shape: &[usize],
        x: &[Slice<'_>],
        _saved: &Saved,
        upstream: Slice<'_>,
        dx: Vec<SliceMut<'_>>,
        _parameters: bool,
    ) -> Result<Vec<Vec<f32>>> {
        by_reference::backward(self.as_dyn(), shape, x, upstream, dx)
    }

    /// What survey number `index` finds in a box, on the processor: see [`Operation::record_survey`].
    ///
    /// # Errors
    ///
    /// As [`Operation::compute_forward`].
    fn compute_survey(
        &self,
        index: usize,
        shape: &[usize],
        x: &[Slice<'_>],
        upstream: Option<Slice<'_>>,
    ) -> Result<Vec<f32>> {
        by_reference::survey(self.as_dyn(), index, shape, x, upstream)
    }

    /// Whether the result may take the place of the first input, and the gradient that of upstream.
    fn works_in_place(&self) -> bool {
        false
    }

    /// The activation of one element that it is, with numbers for the whole tensor as its parameters: neighbours of that kind
    /// run as one kernel.
    fn elementwise(&self) -> Option<(Activation, Math)> {
        None
    }

    /// Whether the backward pass needs what the forward pass saves.
    fn saves(&self) -> bool {
        false
    }

    /// The axis of its channels or rows, counted from the end where negative.
    fn axis(&self) -> Option<i64> {
        None
    }

    /// Moves it to another axis, if it has one.
    fn set_axis(&mut self, _axis: i64) {}

    /// Where it takes elementary functions from, if it needs any.
    fn math(&self) -> Option<Math> {
        None
    }

    /// Takes elementary functions from `math`, if it needs any.
    fn set_math(&mut self, _math: Math) {}

    /// The parameters that have gradients, for inputs of this shape, which fits.
    fn gradients(&self, _shape: &[usize]) -> Vec<Gradient> {
        Vec::new()
    }

    /// Into which boxes a tensor may be cut that is streamed through it.
    fn cut(&self) -> Cut {
        Cut::Anywhere
    }

    /// Whether a tensor's axes may be taken the other way round, the operation's own with them: not where places in C
    /// order count.
    fn takes_any_order(&self) -> bool {
        true
    }

    /// How it sees a tensor of this shape when it is alone in its chain, if another view than that along its axis
    /// suits it better.
    fn view_alone(&self, _shape: &[usize]) -> Option<View> {
        None
    }

    /// What must be known of the whole tensor before its boxes can be worked on one by one, in this order;
    /// `whole_axis` says whether every box has the axis whole.
    fn surveys(&self, _whole_axis: bool) -> Vec<Survey> {
        Vec::new()
    }

    /// Records survey number `index` of a box: f32 words, for each channel or row of the box
    /// [`Survey::words`] of them. `upstream` is there where the survey needs it.
    ///
    /// # Errors
    ///
    /// As [`Operation::record_forward`].
    fn record_survey(
        &self,
        _index: usize,
        _recorder: &mut Recorder<'_>,
        _x: &[&Tensor],
        _upstream: Option<&Tensor>,
    ) -> Result<Tensor> {
        Err(crate::Error::Internal(format!(
            "{} has no surveys",
            self.name()
        )))
    }

    /// The same operation for a box of a tensor, [outer, extent, inner], along axis 1.
    ///
    /// # Errors
    ///
    /// What the device or the parameters report.
    fn on_part(&self, _part: &Part<'_>) -> Result<Box<dyn Operation>> {
        let mut operation = self.boxed();
        operation.set_axis(Part::AXIS);
        Ok(operation)
    }

    /// The parameters' gradients, where surveys of a backward pass have found them; boxes then give none.
    fn surveyed_gradients(&self, _known: &[Table]) -> Option<Vec<Vec<f32>>> {
        None
    }

    /// What it gives beside the result of a forward pass that was surveyed, by the names of `--out`.
    fn extras(&self, _known: &[Table]) -> Vec<Extra> {
        Vec::new()
    }

    /// What [`Operation::extras`] should be, with what they may be off by, by their names.
    fn expected_extras(&self, _known: &[Table]) -> Vec<(&'static str, Vec<Bound>)> {
        Vec::new()
    }

    /// Names of [`Operation::extras`], and of indices that [`Saved`] holds.
    fn extra_names(&self) -> &'static [&'static str] {
        &[]
    }

    /// Those of [`Operation::extra_names`] that `parameter` is for, where it does not shape the result.
    fn only_for(&self, _parameter: &str) -> &'static [&'static str] {
        &[]
    }

    /// Results in f64 from the definition, lane after lane, each with what a result computed in f32 may be off by.
    /// The rounding to the storage type is added by the caller.
    fn expected(&self, sheet: &Sheet<'_>) -> Vec<Bound>;

    /// The same for the gradients with respect to each input. `chosen` are the indices that a forward pass on the
    /// device saved, where there are any.
    fn expected_backward(
        &self,
        sheet: &Sheet<'_>,
        upstream: &[f64],
        chosen: Option<&[u32]>,
    ) -> Vec<Vec<Bound>>;

    /// Adds the terms of the parameters' gradients, in the order of [`Operation::gradients`]: to one sum for each number
    /// of a parameter, or for each of the sheet's places where it has one for each channel.
    fn add_terms(
        &self,
        _sheet: &Sheet<'_>,
        _upstream: &[f64],
        _chosen: Option<&[u32]>,
        _sums: &mut [Vec<Sum>],
    ) {
    }

    /// What the gradient of parameter `index` may be off by: a share of the sum of its terms' magnitudes.
    fn gradient_share(&self, _index: usize) -> f64 {
        1e-6
    }

    /// The indices that the reference chooses, one for each result, where the operation chooses.
    fn choose(&self, _sheet: &Sheet<'_>) -> Option<Vec<u32>> {
        None
    }

    /// Whether each of `chosen`, the indices that the device saved for the results of the sheet, is right.
    fn chose_right(&self, _sheet: &Sheet<'_>, chosen: &[u32]) -> Vec<bool> {
        vec![true; chosen.len()]
    }

    /// What survey number `index` finds in a sheet, by the reference: for each channel, or lane, of the sheet
    /// [`Survey::words`] numbers.
    fn survey(&self, _index: usize, _sheet: &Sheet<'_>, _upstream: Option<&[f64]>) -> Vec<f64> {
        Vec::new()
    }

    /// What it costs the reference to compute one result, in elements.
    fn reference_cost(&self) -> usize {
        1
    }
}

/// What is `Clone` as an operation of a type not known.
pub trait Boxed {
    /// A copy in a box of its own.
    fn boxed(&self) -> Box<dyn Operation>;

    /// Itself.
    fn as_dyn(&self) -> &dyn Operation;
}

impl<O: Operation + Clone> Boxed for O {
    fn boxed(&self) -> Box<dyn Operation> {
        Box::new(self.clone())
    }

    fn as_dyn(&self) -> &dyn Operation {
        self
    }
}

impl Clone for Box<dyn Operation> {
    fn clone(&self) -> Self {
        (**self).boxed()
    }
}

/// What a forward pass keeps for its backward pass beside its input: of the operation's own type.
#[derive(Default)]
pub struct Saved(Option<Box<dyn Keep>>);

/// Something that a forward pass keeps.
pub trait Keep: Any + Send + Sync {
    /// The memory that it holds on the device.
    fn tensors(&self) -> Vec<Tensor>;

    /// Indices on the host, one for each result, where that is what it is.
    ///
    /// # Errors
    ///
    /// What the device reports; in a browser [`Blocking`](crate::Error::Blocking) where they lie on one.
    fn indices(&self) -> Result<Option<Vec<u32>>> {
        Ok(None)
    }

    /// The same for asynchronous callers.
    fn indices_async(&self) -> Indices<'_> {
        Box::pin(async { Ok(None) })
    }
}

/// What [`Keep::indices_async`] gives.
pub type Indices<'a> = Pin<Box<dyn Future<Output = Result<Option<Vec<u32>>>> + 'a>>;

/// Indices that an operation chose on the processor, one for each result.
pub(crate) struct Chosen(pub(crate) Vec<u32>);

impl Keep for Chosen {
    fn tensors(&self) -> Vec<Tensor> {
        Vec::new()
    }

    fn indices(&self) -> Result<Option<Vec<u32>>> {
        Ok(Some(self.0.clone()))
    }

    fn indices_async(&self) -> Indices<'_> {
        Box::pin(async { Ok(Some(self.0.clone())) })
    }
}

impl Saved {
    /// Nothing: the input is enough.
    pub const NOTHING: Self = Self(None);

    /// Keeps `what`.
    pub fn new(what: impl Keep) -> Self {
        Self(Some(Box::new(what)))
    }

    /// What was kept, if it is of this type.
    pub fn get<T: Keep>(&self) -> Option<&T> {
        let kept: &dyn Any = self.0.as_deref()?;
        kept.downcast_ref()
    }

    /// The memory that it holds on the device.
    pub fn tensors(&self) -> Vec<Tensor> {
        self.0.as_ref().map_or(Vec::new(), |kept| kept.tensors())
    }

    /// Indices on the host, one for each result, where that is what was kept.
    ///
    /// # Errors
    ///
    /// As [`Keep::indices`].
    pub fn indices(&self) -> Result<Option<Vec<u32>>> {
        self.0.as_ref().map_or(Ok(None), |kept| kept.indices())
    }

    /// [`Saved::indices`] for asynchronous callers.
    ///
    /// # Errors
    ///
    /// As [`Saved::indices`].
    pub async fn indices_async(&self) -> Result<Option<Vec<u32>>> {
        match &self.0 {
            Some(kept) => kept.indices_async().await,
            None => Ok(None),
        }
    }

    /// The same: at once where one may block, else when the browser says so.
    #[cfg(feature = "check")]
    pub(crate) async fn fetch_indices(&self) -> Result<Option<Vec<u32>>> {
        #[cfg(target_arch = "wasm32")]
        return self.indices_async().await;
        #[cfg(not(target_arch = "wasm32"))]
        self.indices()
    }
}

/// A parameter's gradient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gradient {
    /// The parameter's name.
    pub name: &'static str,
    /// Its shape; empty for one number.
    pub shape: Vec<usize>,
    /// Whether there is one for each channel of the tensor, so that a box gives those of its channels alone.
    pub per_channel: bool,
}

/// Something that an operation gives beside its result.
#[derive(Debug, Clone, PartialEq)]
pub struct Extra {
    /// Its name.
    pub name: &'static str,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its numbers.
    pub values: Vec<f32>,
}

/// Into which boxes a tensor may be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Cut {
    /// Any, as they lie in memory: elements are independent, or surveys join them.
    Anywhere,
    /// Any, with the axis whole where that fits, else cut into long parts that surveys join.
    Rows,
    /// Boxes that have the axis whole.
    WholeAxis,
    /// Boxes of whole outer places, a multiple of four of them: runs of memory that begin at a multiple of four
    /// elements.
    FourSlabs,
}

/// A box of a tensor that is worked on alone, and what is known of the whole.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// The whole tensor, seen along the axis.
    pub view: View,
    /// Places along the outer axes.
    pub outer: Range<usize>,
    /// Places along the axis.
    pub extent: Range<usize>,
    /// Places along the inner axes.
    pub inner: Range<usize>,
    /// What the surveys so far have found.
    pub known: &'a [Table],
}

impl Part<'_> {
    /// The axis of boxes, which are [outer, extent, inner].
    pub const AXIS: i64 = 1;

    /// The number of the box's first element in the whole tensor.
    pub fn first(&self) -> u64 {
        let View { extent, inner, .. } = self.view;
        let outer = self.outer.start as u64 * extent as u64 + self.extent.start as u64;
        outer * inner as u64 + self.inner.start as u64
    }

    /// Whether the box has the axis whole.
    pub fn has_whole_axis(&self) -> bool {
        self.extent == (0..self.view.extent)
    }

    /// What survey `index` has found of the channels of the box, in f32; none where there was no such survey.
    pub fn channels(&self, index: usize) -> Option<Vec<f32>> {
        let table = self.known.get(index)?;
        let channels = self.extent.clone();
        Some(narrow(channels.flat_map(|channel| table.of(channel))))
    }

    /// What survey `index` has found of the rows of the box, [outer, inner], in f32.
    pub fn rows(&self, index: usize) -> Option<Vec<f32>> {
        let table = self.known.get(index)?;
        let rows = self.outer.clone().flat_map(|outer| {
            self.inner
                .clone()
                .map(move |inner| outer * self.view.inner + inner)
        });
        Some(narrow(rows.flat_map(|row| table.of(row))))
    }
}

fn narrow<'a>(words: impl Iterator<Item = &'a f64>) -> Vec<f32> {
    words.map(|&word| word as f32).collect()
}
