//! Tensors that stay on the device, and chains over them.

use wasm_bindgen::prelude::*;
use wgpu_activations::{Chain, ElementType, check, family::Pass};

use super::{Activations, Checked, Result};

/// An array of f32 on the device. `free()` gives its memory back.
#[wasm_bindgen]
pub struct Tensor(wgpu_activations::Tensor);

#[wasm_bindgen]
impl Tensor {
    /// Lengths of the axes, outermost first.
    #[wasm_bindgen(getter)]
    pub fn shape(&self) -> Vec<usize> {
        self.0.shape().to_vec()
    }

    /// The elements.
    pub async fn download(&self) -> Result<Vec<f32>> {
        Ok(self.0.download_async().await?)
    }
}

#[wasm_bindgen]
impl Activations {
    /// Brings elements to the device; an array of one axis if `shape` is left out.
    pub fn upload(&self, elements: &[f32], shape: Option<Vec<usize>>) -> Result<Tensor> {
        let shape = shape.unwrap_or_else(|| vec![elements.len()]);
        Ok(Tensor(self.gpu.upload(elements, shape)?))
    }

    /// y = chain(x), such as `gelu` or `elu(alpha=0.5) | softmax`.
    pub fn forward(&self, chain: &str, x: &Tensor) -> Result<Tensor> {
        Ok(Tensor(chain.parse::<Chain>()?.forward(&x.0)?))
    }

    /// The gradient with respect to x of a loss whose gradient with respect to chain(x) is `upstream`.
    pub fn backward(&self, chain: &str, x: &Tensor, upstream: &Tensor) -> Result<Tensor> {
        let gradients = chain.parse::<Chain>()?.backward(&x.0, &upstream.0)?;
        Ok(Tensor(gradients.dx))
    }

    /// Runs a chain over `elements`, compares every result with the f64 reference, and says how they compared, as JSON.
    pub async fn verify(
        &self,
        chain: String,
        elements: Vec<f32>,
        shape: Vec<usize>,
    ) -> Result<String> {
        let parsed: Chain = chain.parse()?;
        let report =
            check::check_chain_async(&self.gpu, &parsed, &shape, vec![elements], None).await?;
        Ok(serde_json::to_string(&Checked::new(
            &chain,
            Pass::Forward,
            ElementType::F32,
            &report,
        ))?)
    }

    /// Frees the memory that is kept for tensors to come.
    pub fn trim(&self) {
        self.gpu.trim();
    }

    /// Waits until all work is done.
    pub async fn wait(&self) -> Result<()> {
        Ok(self.gpu.wait_async().await?)
    }
}
