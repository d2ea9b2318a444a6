import type { Tensor } from './library.js';

export { Tensor };

/** The operations of one element. */
type Pointwise =
  | 'sigmoid'
  | 'tanh'
  | 'relu'
  | 'leaky-relu'
  | 'prelu'
  | 'elu'
  | 'selu'
  | 'gelu'
  | 'gelu-tanh'
  | 'swish'
  | 'softplus'
  | 'mish'
  | 'softsign'
  | 'identity'
  | 'squared-relu'
  | 'relu6'
  | 'hardtanh'
  | 'softshrink'
  | 'hardshrink'
  | 'shrink'
  | 'threshold'
  | 'thresholded-relu'
  | 'hard-sigmoid'
  | 'hard-swish'
  | 'sparse-plus'
  | 'sparse-sigmoid'
  | 'exponential'
  | 'log-sigmoid'
  | 'tanhshrink'
  | 'quick-gelu'
  | 'celu'
  | 'squareplus'
  | 'dynamic-tanh'
  | 'acon-c';

type Camel<Name extends string> = Name extends `${infer First}-${infer Rest}` ? `${First}${Capitalize<Camel<Rest>>}` : Name;

type Methods = {
  [Name in Pointwise as Camel<Name>]: {
    (x: Float32Array): Promise<Float32Array>;
    (x: Tensor): Tensor;
  };
};

/** Activation functions on the GPU that the browser offers. An operation of one element is a method: `gelu`, `logSigmoid`. */
export interface Activations extends Methods {}

export class Activations {
  private constructor();

  /** Loads the library, from `wasm` if that is given, and opens the GPU. */
  static create(wasm?: string | URL | Response | BufferSource | WebAssembly.Module): Promise<Activations>;

  /** Brings elements to the device; an array of one axis if `shape` is left out. */
  upload(elements: Float32Array, shape?: ArrayLike<number>): Tensor;

  /** What a chain such as `elu(alpha=0.5) | softmax` makes of x. */
  run(chain: string, x: Float32Array, shape?: ArrayLike<number>): Promise<Float32Array>;
  run(chain: string, x: Tensor): Tensor;

  /** The gradient with respect to x of a loss whose gradient with respect to the chain's result is `upstream`. */
  backward(chain: string, x: Tensor, upstream: Tensor): Tensor;

  /** Frees the memory that is kept for tensors to come. */
  trim(): void;

  /** Waits until all work is done. */
  wait(): Promise<void>;
}

/** An operation. */
export interface Operation {
  name: string;
  title: string;
  formula: string;
  slope: string;
  parameters: { name: string; default: number | null; rule: string }[];
  /** Whether a result depends on one element alone. */
  pointwise: boolean;
}

/** All operations; the library must be loaded. */
export function operations(): Operation[];
