//! Chains over slices on the processor.

use super::{HostGradient, expect_len};
use crate::{
    chain::Chain,
    cpu::{Cpu, Slice, SliceMut},
    element::Element,
    error::Result,
};

impl Cpu {
    /// y = chain(x), x being of `shape`.
    ///
    /// # Errors
    ///
    /// [`LengthMismatch`](crate::Error::LengthMismatch) if x or y is not as long as its shape says, and as
    /// [`Chain::result_shape`].
    pub fn forward<T: Element>(
        &self,
        chain: &Chain,
        shape: &[usize],
        x: &[T],
        y: &mut [T],
    ) -> Result<()> {
        expect_len(shape, x.len())?;
        expect_len(&chain.result_shape(shape)?, y.len())?;
        let (x, y) = (Slice::of(x), SliceMut::of(y));
        self.run(|| chain.compute_forward(shape, &[x], y))?;
        Ok(())
    }

    /// dx, of x's shape and type, and the gradients of all parameters, from `upstream`, the gradient of the loss with
    /// respect to the chain's result.
    ///
    /// ```
    /// use wgpu_activations::{Activation, cpu::Cpu};
    ///
    /// let (x, upstream, mut dx) = ([-2.0f32, 4.0], [1.0f32, 1.0], [0.0f32; 2]);
    /// let prelu = Activation::PRELU.into();
    /// let parameters = Cpu::new().backward(&prelu, &[2], &x, &upstream, &mut dx)?;
    /// assert_eq!(dx, [0.25, 1.0]);
    /// assert_eq!((parameters[0].name, &parameters[0].values[..]), ("alpha", &[-2.0][..]));
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Cpu::forward`].
    pub fn backward<T: Element>(
        &self,
        chain: &Chain,
        shape: &[usize],
        x: &[T],
        upstream: &[T],
        dx: &mut [T],
    ) -> Result<Vec<HostGradient>> {
        let layout = chain.layout(shape)?;
        expect_len(shape, x.len())?;
        expect_len(shape, dx.len())?;
        expect_len(&layout.result_shape, upstream.len())?;
        let (x, upstream, dx) = (Slice::of(x), Slice::of(upstream), SliceMut::of(dx));
        let computed =
            self.run(|| chain.compute_backward(shape, &[x], upstream, vec![dx], true))?;
        Ok(HostGradient::all(&layout, computed.parameters))
    }
}
