//! What can go wrong, each case naming the values and the rule they break.

mod text;

use std::path::PathBuf;

#[doc(hidden)]
pub use text::number;
pub(crate) use text::size;
use text::{axes, beyond, but_weight, did_you_mean, elements, tensors, unknown_parameter};

/// Everything this crate can fail with.
///
/// A message names the operation, the values at fault and what to do about it; it is one line.
/// [`Error::kind`] sorts the variants by what a caller can do about them.
///
/// An operation of a user's own may fail with any variant that can be built outside of this crate. The
/// variants marked non-exhaustive come from this crate alone.
///
/// ```
/// use wgpu_activations::{Activation, Error};
///
/// match "gleu".parse::<Activation>() {
///     Err(error @ Error::UnknownActivation { nearest: Some("gelu"), .. }) => {
///         let message = error.to_string();
///         assert!(message.starts_with("unknown activation `gleu`, did you mean `gelu`?"));
///     }
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No activation has this name.
    #[error("unknown activation `{name}`{}; known: {known}", did_you_mean(.nearest))]
    #[non_exhaustive]
    UnknownActivation {
        /// What was asked for.
        name: String,
        /// The closest name that exists.
        nearest: Option<&'static str>,
        /// All names, comma-separated.
        known: String,
    },
    /// An activation was written in a form that does not parse.
    #[error("cannot parse activation `{text}`: {reason}; write `elu` or `elu(alpha=0.5)`")]
    Syntax {
        /// The text as given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An argument of an operation cannot be taken.
    #[error("{op}: {argument}: {reason}")]
    Argument {
        /// The operation.
        op: String,
        /// The argument, or its name.
        argument: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The operation has no such parameter.
    #[error("{}", unknown_parameter(.op, .name, .known))]
    UnknownParameter {
        /// The activation.
        op: String,
        /// The parameter asked for.
        name: String,
        /// Those it has.
        known: Vec<&'static str>,
    },
    /// A parameter lies outside its range.
    #[error("{op}: {parameter} is {} but must be {rule}", number(.value))]
    ParameterOutOfRange {
        /// The activation.
        op: String,
        /// The parameter.
        parameter: &'static str,
        /// The value given.
        value: f32,
        /// The range, in words.
        rule: &'static str,
    },
    /// Two tensors that belong together differ in shape.
    #[error(
        "{op}: {left} has shape {left_shape:?} but {right} has shape {right_shape:?}; they must match"
    )]
    ShapeMismatch {
        /// The operation.
        op: String,
        /// Name of the first tensor.
        left: &'static str,
        /// Its shape.
        left_shape: Vec<usize>,
        /// Name of the second tensor.
        right: &'static str,
        /// Its shape.
        right_shape: Vec<usize>,
    },
    /// Two tensors that belong together differ in element type.
    #[error("{op}: {left} holds {left_type} but {right} holds {right_type}; they must match")]
    ElementMismatch {
        /// The operation.
        op: String,
        /// Name of the first tensor.
        left: &'static str,
        /// Its element type.
        left_type: &'static str,
        /// Name of the second tensor.
        right: &'static str,
        /// The element type found, or required.
        right_type: &'static str,
    },
    /// A shape holds another number of elements than the data.
    #[error("shape {shape:?} holds {} but the data has {found}; they must match", elements(*.expected))]
    LengthMismatch {
        /// The shape.
        shape: Vec<usize>,
        /// Elements that the shape asks for.
        expected: usize,
        /// Elements that are there.
        found: usize,
    },
    /// An axis beyond the tensor's rank.
    #[error("axis {axis} does not exist in shape {shape:?}; {}", axes(.shape))]
    AxisOutOfRange {
        /// The axis asked for.
        axis: i64,
        /// The tensor's shape.
        shape: Vec<usize>,
    },
    /// As many parameters as channels are needed.
    #[error(
        "{op}: {found} values of {parameter} but {channels} channels along axis {axis} of shape {shape:?}; they must match"
    )]
    ChannelMismatch {
        /// The activation.
        op: String,
        /// The parameter.
        parameter: &'static str,
        /// Values given.
        found: usize,
        /// Channels of the tensor.
        channels: usize,
        /// The channel axis.
        axis: usize,
        /// The tensor's shape.
        shape: Vec<usize>,
    },
    /// Channels that do not fall into groups.
    #[error(
        "{op}: {pieces} pieces do not divide the {channels} channels along axis {axis} of shape {shape:?}; take a number >= 1 that does"
    )]
    PiecesMismatch {
        /// The operation.
        op: String,
        /// Channels asked for in a group.
        pieces: usize,
        /// Channels of the tensor.
        channels: usize,
        /// The channel axis.
        axis: usize,
        /// The tensor's shape.
        shape: Vec<usize>,
    },
    /// An axis that does not fall into two halves.
    #[error(
        "{op}: axis {axis} of shape {shape:?} is {} long; it must hold gate and up in equal parts, so an even number of \
         elements", .shape[*.axis]
    )]
    #[non_exhaustive]
    OddAxis {
        /// The operation.
        op: String,
        /// The axis.
        axis: usize,
        /// The tensor's shape.
        shape: Vec<usize>,
    },
    /// An operation takes another number of tensors.
    #[error("{op}: takes {} but got {found}; {advice}", tensors(*.expected, .names))]
    InputCount {
        /// The operation.
        op: String,
        /// What it calls them.
        names: String,
        /// How many it takes.
        expected: usize,
        /// How many were given.
        found: usize,
        /// What to do.
        advice: &'static str,
    },
    /// A backward pass got the winners of another operation.
    #[error("{op}: the winners are of {found} but this is {expected}; they must match")]
    #[non_exhaustive]
    WinnersMismatch {
        /// The operation.
        op: String,
        /// What gave the winners.
        found: String,
        /// What asked for them.
        expected: String,
    },
    /// The tensors of affine maps do not fit each other.
    #[error("{op}: {tensor} has shape {shape:?}{}; {rule}", but_weight(.weight))]
    AffineMismatch {
        /// The operation.
        op: String,
        /// Name of the tensor at fault.
        tensor: &'static str,
        /// Its shape.
        shape: Vec<usize>,
        /// Shape of the weight, where another tensor is at fault.
        weight: Option<Vec<usize>>,
        /// The rule, in words.
        rule: &'static str,
    },
    /// Statistics of a batch need more than one element per channel.
    #[error(
        "{op}: training needs 2 or more elements per channel but shape {shape:?} has 1 along channel axis {axis}; use a larger batch, or inference"
    )]
    BatchTooSmall {
        /// The operation.
        op: String,
        /// The channel axis.
        axis: usize,
        /// The tensor's shape.
        shape: Vec<usize>,
    },
    /// A buffer cannot serve as a tensor.
    #[error("buffer cannot serve as a tensor of shape {shape:?}: {reason}")]
    #[non_exhaustive]
    Buffer {
        /// The tensor's shape.
        shape: Vec<usize>,
        /// The rule it breaks, with the values.
        reason: String,
    },
    /// Input and output are the same buffer.
    #[error("{op}: {left} and {right} lie in the same buffer; use {instead} or another buffer")]
    Aliased {
        /// The operation.
        op: String,
        /// Name of the first tensor.
        left: &'static str,
        /// Name of the second tensor.
        right: &'static str,
        /// The call to use instead.
        instead: &'static str,
    },
    /// Tensors, buffers or an encoder of two devices in one operation.
    #[error("{op}: tensors, buffers and encoders belong to different devices; take all of one")]
    ForeignTensor {
        /// The operation.
        op: String,
    },
    /// Something is larger than the device allows.
    #[error("{what} takes {}; {advice}", beyond(*.bytes, *.limit))]
    TooLarge {
        /// What is too large.
        what: String,
        /// Bytes asked for.
        bytes: u64,
        /// Bytes allowed.
        limit: u64,
        /// What to do.
        advice: &'static str,
    },
    /// A kernel needs a higher limit than the device was opened with.
    #[error(
        "kernel `{kernel}` needs {limit} = {needed} but this device has {allowed}; open it with more, as \
         `adapter.limits()` has"
    )]
    DeviceLimit {
        /// The kernel's entry point.
        kernel: String,
        /// The limit, as it is called in [`wgpu::Limits`].
        limit: &'static str,
        /// What the kernel needs.
        needed: u64,
        /// What the device has.
        allowed: u64,
    },
    /// A job takes more memory than it may.
    #[error("{what} takes {} of memory but may take {}; {advice}", size(*.bytes), size(*.limit))]
    MemoryLimit {
        /// What takes it.
        what: String,
        /// Bytes that it takes, at the least.
        bytes: u64,
        /// Bytes that it may take.
        limit: u64,
        /// What to do.
        advice: &'static str,
    },
    /// The machine has no adapter that wgpu can use.
    #[error("no GPU adapter found; {hint}")]
    #[non_exhaustive]
    NoAdapter {
        /// How to get one.
        hint: String,
    },
    /// No adapter, or more than one, answers to the name.
    #[error("{reason} `{wanted}`; available: {available}")]
    UnknownDevice {
        /// What was asked for.
        wanted: String,
        /// "no device is called", or "several devices match".
        reason: &'static str,
        /// The names there are.
        available: String,
    },
    /// The driver would not open the device.
    #[error("cannot open device {device}: {reason}")]
    #[non_exhaustive]
    DeviceRequest {
        /// The adapter's name.
        device: String,
        /// The driver's words.
        reason: String,
    },
    /// The device ran out of memory.
    #[error("device out of memory: {0}; free tensors, or work in smaller pieces")]
    OutOfMemory(String),
    /// The device was lost (unplugged, reset, destroyed).
    #[error("device lost: {0}; open it again")]
    DeviceLost(String),
    /// The call would block, which nothing may do in a browser.
    #[error("{what} would block, which a browser does not allow; {instead}")]
    Blocking {
        /// What would block.
        what: String,
        /// What to do in its place.
        instead: &'static str,
    },
    /// The caller asked a job to stop: see [`Offload::cancelled_by`](crate::Offload::cancelled_by).
    #[error("cancelled; the result is not complete")]
    Cancelled,
    /// wgpu refused a call: a bug in this crate, or in what was handed to it.
    #[error("wgpu validation: {0}")]
    Validation(String),
    /// The driver or wgpu failed inside.
    #[error("wgpu: {0}")]
    Internal(String),
    /// A file could not be read or written.
    #[error("{}: {reason}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A file is asked for what its format does not offer.
    #[error("{0}")]
    FileFormat(String),
    /// A picture could not be drawn.
    #[error("cannot draw the picture: {0}; take .svg, or fewer result files")]
    Picture(String),
    /// A result did not agree with the reference.
    #[error("{op}: verification failed: {report}")]
    Verification {
        /// The operation.
        op: String,
        /// Where and by how much.
        report: String,
    },
}

/// A result with this crate's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What an [`enum@Error`] is about, for callers that branch on it.
///
/// ```
/// use wgpu_activations::{Activation, ErrorKind, Gpu, Result, Tensor};
///
/// /// A tensor of zeros, in less memory where there is not enough.
/// fn zeros(gpu: &Gpu, len: usize) -> Result<Tensor> {
///     match gpu.upload(&vec![0.0f32; len], [len]) {
///         Err(error) if error.kind() == ErrorKind::OutOfMemory => zeros(gpu, len / 2),
///         other => other,
///     }
/// }
/// let unknown = "gleu".parse::<Activation>();
/// assert!(unknown.is_err_and(|error| error.kind() == ErrorKind::Name));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nothing in the catalogue has the name.
    Name,
    /// A text does not parse.
    Syntax,
    /// A parameter or an axis does not exist, or its value is out of range.
    Parameter,
    /// A tensor has a shape that the operation cannot take.
    Shape,
    /// A tensor has an element type that the operation cannot take.
    ElementType,
    /// Tensors, buffers or encoders belong to different devices.
    Device,
    /// The call breaks another rule of the operation, such as one about buffers that are shared.
    Usage,
    /// The machine has no such device.
    NoDevice,
    /// Something exceeds a limit of the device or of memory: work in smaller pieces, or raise the limit.
    TooLarge,
    /// The device's memory is used up: free some, or work in smaller pieces.
    OutOfMemory,
    /// The device is gone: open it again.
    DeviceLost,
    /// The caller asked a job to stop.
    Cancelled,
    /// The driver or wgpu failed, or refused a call.
    Internal,
    /// A file could not be read or written, or a picture not drawn.
    File,
    /// A file's format does not offer what is asked of it.
    FileFormat,
    /// A result did not agree with the reference.
    Verification,
}

impl Error {
    /// What the error is about.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownActivation { .. } => ErrorKind::Name,
            Self::Syntax { .. } => ErrorKind::Syntax,
            Self::Argument { .. }
            | Self::UnknownParameter { .. }
            | Self::ParameterOutOfRange { .. }
            | Self::AxisOutOfRange { .. } => ErrorKind::Parameter,
            Self::ShapeMismatch { .. }
            | Self::LengthMismatch { .. }
            | Self::ChannelMismatch { .. }
            | Self::PiecesMismatch { .. }
            | Self::OddAxis { .. }
            | Self::AffineMismatch { .. }
            | Self::BatchTooSmall { .. } => ErrorKind::Shape,
            Self::ElementMismatch { .. } => ErrorKind::ElementType,
            Self::ForeignTensor { .. } => ErrorKind::Device,
            Self::WinnersMismatch { .. }
            | Self::InputCount { .. }
            | Self::Buffer { .. }
            | Self::Blocking { .. }
            | Self::Aliased { .. } => ErrorKind::Usage,
            Self::NoAdapter { .. } | Self::UnknownDevice { .. } => ErrorKind::NoDevice,
            Self::TooLarge { .. } | Self::DeviceLimit { .. } | Self::MemoryLimit { .. } => {
                ErrorKind::TooLarge
            }
            Self::OutOfMemory(_) => ErrorKind::OutOfMemory,
            Self::DeviceLost(_) => ErrorKind::DeviceLost,
            Self::Cancelled => ErrorKind::Cancelled,
            Self::DeviceRequest { .. } | Self::Validation(_) | Self::Internal(_) => {
                ErrorKind::Internal
            }
            Self::File { .. } | Self::Picture(_) => ErrorKind::File,
            Self::FileFormat(_) => ErrorKind::FileFormat,
            Self::Verification { .. } => ErrorKind::Verification,
        }
    }
}
