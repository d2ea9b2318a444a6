#!/usr/bin/env bash
# All that is worth knowing of a GPU, in one call: scripts/gpu.sh [PART...]
#
# The parts, in the order in which being cut off loses least, each with a time after which it is stopped:
#
#   check       every operation against the reference, both maths
#   random      random cases
#   bench       bench --preset standard at 64 MiB, accurate math
#   large       the same at 256 MiB, for the operations whose kernels differ
#   torch       PyTorch on CUDA at both sizes, eager and compiled, where python3 has it
#   offload     host memory through the device and back
#   tune        kernels in other shapes
#   burn        burn at 64 MiB
#   exhaustive  all 2^32 inputs of functions of one element
#
# Nothing is compiled here. Where programs are missing their parts are left out, and the end says so:
#
#   cargo build --release -p wgpu-activations-cli          ACTIVATIONS, else target/release/activations
#   cargo bench --bench offload --no-run                   OFFLOAD, the program that it names
#   (cd benches/peers && cargo build --release)            BURN, else benches/peers/target/release/wgpu-activations-peers
#
# DEVICE names the device, else it is the first that is a GPU; OUT the folder for results, else it is under
# benches/results/; SIZES the two sizes, else "64MiB 256MiB"; CASES the random cases of each process, else 500. On a
# software adapter: DEVICE=llvmpipe-vulkan SIZES="1MiB 4MiB" CASES=25 OUT=/tmp/gpu scripts/gpu.sh check random bench large
set -uo pipefail
cd "$(dirname "$0")/.."

activations=${ACTIVATIONS:-target/release/activations}
read -r small large <<<"${SIZES:-64MiB 256MiB}"
[ -x "$activations" ] || { echo "no program $activations: cargo build --release -p wgpu-activations-cli"; exit 2; }
first_gpu() {
    "$activations" devices --json | python3 -c 'import json, sys
print(next((it["name"] for it in json.load(sys.stdin) if it["type"] in ("discrete", "integrated")), ""))'
}
device=${DEVICE:-$(first_gpu)}
[ -n "$device" ] || { "$activations" devices; echo "no GPU here; DEVICE names another adapter"; exit 3; }
out=${OUT:-benches/results/$device}
today=$(date +%F)
mkdir -p "$out"
processes=$(($(nproc) > 8 ? 8 : $(nproc)))
told=()
start=$SECONDS

# part NAME SECONDS COMMAND...: runs a command, no longer than so, and notes how it ended.
part() {
    local name=$1 seconds=$2 began=$SECONDS code
    shift 2
    echo "== $name"
    timeout --signal=INT --kill-after=10 "$seconds" "$@"
    code=$?
    case $code in
    0) told+=("$name: done in $((SECONDS - began)) s") ;;
    124 | 130 | 137) told+=("$name: CUT OFF after $((SECONDS - began)) s") ;;
    *) told+=("$name: FAILED with status $code after $((SECONDS - began)) s") ;;
    esac
}

missing() { told+=("$1: left out, $2"); }

names() { "$activations" ops --json | python3 -c "import json, sys
print(*(it['name'] for it in json.load(sys.stdin) if '$1' in ('', it['kind'])))"; }

# What would take one processor minutes: several processes, each with some of the operations.
check_some() { "$activations" check "$@" --device "$device" --math "$math" --json >"$work/$math-$1.json" 2>>"$work/errors"; }
check_all() {
    local code=0
    work=$(mktemp -d)
    export work math
    for math in accurate native; do
        names '' | tr ' ' '\n' | xargs -P "$processes" -n 4 bash -c 'check_some "$@"' _ || code=4
    done
    cat "$work/errors" >&2
    python3 - "$work" "$out/$today-check.json" <<'P'
import glob, json, sys
rows = [row for name in sorted(glob.glob(sys.argv[1] + "/*.json")) for row in json.load(open(name))]
json.dump(rows, open(sys.argv[2], "w"), indent=1)
wrong = [row for row in rows if not row["passed"]]
for row in wrong:
    print("WRONG", row["op"], row["pass"], row["type"], row["math"], row["worst"])
print(len(rows) - len(wrong), "of", len(rows), "checks passed")
P
    rm -rf "$work"
    return $code
}
random_some() { "$activations" check --random "$cases" --seed "$1" --device "$device"; }
random_all() {
    export cases=${CASES:-500}
    seq 1 1000 "$((processes * 1000))" | xargs -P "$processes" -n 1 bash -c 'random_some "$1"' _
}
exhaustive_one() { "$activations" check "$1" --exhaustive --device "$device" --json >"$out/$today-all-$1.json"; }
exhaustive_all() {
    names pointwise | tr ' ' '\n' | xargs -P 3 -n 1 bash -c 'exhaustive_one "$1"' _
}
bench() { "$activations" bench --device "$device" --preset standard --math accurate "$@" --samples 10 --min-time 5ms --force; }

# What `timeout` and `xargs` start is another shell.
export -f names check_some check_all random_some random_all exhaustive_one exhaustive_all bench
export activations device out today processes

run() {
    case $1 in
    check) part check 120 bash -c check_all ;;
    random) part random 60 bash -c random_all ;;
    bench) part bench 240 bash -c "bench --size $small -o $out/$today-standard.json" ;;
    large)
        part large 150 bash -c "bench --size $large -o $out/$today-$large.json \
            --op gelu,relu,sigmoid,prelu,softmax,log-softmax,maxout,dice,moments,swiglu,geglu,sparsemax,logsumexp"
        ;;
    torch)
        if python3 -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
            for mode in "" --compile; do
                for size in $small $large; do
                    part "torch $size $mode" 100 python3 benches/peers/torch_bench.py $mode --size "$size" \
                        --samples 10 --min-time 5 -o "$out/$today-torch$mode-$size.json"
                done
            done
        else
            missing torch "python3 has no PyTorch with CUDA"
        fi
        ;;
    offload)
        if [ -x "${OFFLOAD:-}" ]; then
            part offload 120 env WGPU_ADAPTER_NAME="$device" "$OFFLOAD" --bench
        else
            missing offload "OFFLOAD names no program"
        fi
        ;;
    tune) part tune 120 "$activations" tune --device "$device" ;;
    burn)
        if [ -x "${BURN:-benches/peers/target/release/wgpu-activations-peers}" ]; then
            part burn 200 "${BURN:-benches/peers/target/release/wgpu-activations-peers}" --with-ours --device "$device" --size "$small" --samples 10 -o "$out/$today-burn.json"
        else
            missing burn "BURN names no program"
        fi
        ;;
    exhaustive) part exhaustive 600 bash -c exhaustive_all ;;
    *) echo "no part $1: check random bench large torch offload tune burn exhaustive"; exit 2 ;;
    esac
}

"$activations" devices
[ $# -gt 0 ] || set -- check random bench large torch offload tune burn exhaustive
for name in "$@"; do run "$name"; done

echo "== $device, $((SECONDS - start)) s"
printf '%s\n' "${told[@]}"
for line in "${told[@]}"; do [[ $line == *" done in "* ]] || exit 1; done
