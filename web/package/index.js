import load, { Activations as Library, Tensor } from './library.js';

export { Tensor };

/** Activation functions on the GPU that the browser offers. */
export class Activations {
  #library;

  constructor(library) {
    this.#library = library;
    for (const { name, pointwise } of operations()) {
      if (pointwise) {
        const camel = name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
        this[camel] = x => this.run(name, x);
      }
    }
  }

  /** Loads the library, from `wasm` if that is given, and opens the GPU. */
  static async create(wasm) {
    if (!navigator.gpu) throw new Error('this browser offers no WebGPU');
    await load({ module_or_path: wasm ?? new URL('library_bg.wasm', import.meta.url) });
    return new Activations(await Library.create());
  }

  upload(elements, shape) {
    return this.#library.upload(elements, shape && Uint32Array.from(shape));
  }

  run(chain, x, shape) {
    return x instanceof Tensor ? this.#library.forward(chain, x) : this.#onHost(chain, x, shape);
  }

  backward(chain, x, upstream) {
    return this.#library.backward(chain, x, upstream);
  }

  trim() {
    this.#library.trim();
  }

  wait() {
    return this.#library.wait();
  }

  async #onHost(chain, elements, shape) {
    const x = this.upload(elements, shape);
    try {
      const y = this.#library.forward(chain, x);
      try {
        return await y.download();
      } finally {
        y.free();
      }
    } finally {
      x.free();
    }
  }
}

/** All operations; the library must be loaded. */
export function operations() {
  return JSON.parse(Library.operations());
}
