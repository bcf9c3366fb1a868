"""Kernel texts of these tests, right and broken ones. `// @name` marks a line that a report must name."""

from __future__ import annotations

from rnnc.simulator.source import prelude

FRAGMENTS = r"""
// What a lane holds of a [16, 16] and b [16, 8].
template <typename T> __device__ void fragments(const T* a, const T* b, unsigned (&fa)[4], unsigned (&fb)[2]) {
  const int group = threadIdx.x / 4, place = threadIdx.x % 4;
  for (int i = 0; i < 4; ++i) {
    const T* at = a + (group + i % 2 * 8) * 16 + place * 2 + i / 2 * 8;
    fa[i] = at[0].bits | (unsigned)at[1].bits << 16;
  }
  for (int i = 0; i < 2; ++i) {
    const T* at = b + (place * 2 + i * 8) * 8 + group;
    fb[i] = at[0].bits | (unsigned)at[8].bits << 16;
  }
}
"""

SOUND = (
    prelude()
    + FRAGMENTS
    + r"""
extern "C" __global__ void __launch_bounds__(256) add(const float* __restrict__ a, const float* __restrict__ b,
                                                      float* __restrict__ out, long long n) {
  long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
  if (i < n) out[i] = a[i] + b[i];
}

// The sum of each row: shuffles within warps, shared memory between them.
extern "C" __global__ void row_sum(const float* x, float* out, int n) {
  extern __shared__ __align__(16) char smem[];
  float* partial = reinterpret_cast<float*>(smem);
  float sum = 0.0f;
  for (int i = threadIdx.x; i < n; i += blockDim.x) sum += x[blockIdx.x * n + i];
  sum = warp_sum(sum);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x < 32) {
    float mine = threadIdx.x < blockDim.x / 32 ? partial[threadIdx.x] : 0.0f;
    mine = warp_sum(mine);
    if (threadIdx.x == 0) out[blockIdx.x] = mine;
  }
}

// h' = tanh(W h + x) for all steps in one launch: a row per block, the state exchanged through a grid barrier.
extern "C" __global__ void recur(const float* __restrict__ w, const float* __restrict__ x, float* h, unsigned* counter,
                                 int n, int steps) {
  extern __shared__ float partial[];
  unsigned target = 0;
  const int row = blockIdx.x;
  for (int t = 0; t < steps; ++t) {
    float sum = 0.0f;
    for (int k = threadIdx.x; k < n; k += blockDim.x) sum = __fmaf_rn(w[row * n + k], h[t * n + k], sum);
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
      for (int i = 1; i < blockDim.x / 32; ++i) sum += partial[i];
      h[(t + 1) * n + row] = tanhf(sum + x[t * n + row]);
    }
    grid_barrier(counter, gridDim.x, &target);
  }
}

template <typename T> __device__ void product16(const T* a, const T* b, float* out) {
  const int group = threadIdx.x / 4, place = threadIdx.x % 4;
  unsigned fa[4], fb[2];
  fragments(a, b, fa, fb);
  float acc[4] = {1.0f, 1.0f, 1.0f, 1.0f};
  mma_m16n8k16<T>(acc, fa, fb);
  for (int i = 0; i < 4; ++i) out[(group + i / 2 * 8) * 8 + place * 2 + i % 2] = acc[i];
}
extern "C" __global__ void mma_f16(const f16* a, const f16* b, float* out) { product16(a, b, out); }
extern "C" __global__ void mma_bf16(const bf16* a, const bf16* b, float* out) { product16(a, b, out); }

extern "C" __global__ void mma_tf32(const float* a, const float* b, float* out) {
  const int group = threadIdx.x / 4, place = threadIdx.x % 4;
  unsigned fa[4], fb[2];
  for (int i = 0; i < 4; ++i) fa[i] = to_tf32(a[(group + i % 2 * 8) * 8 + place + i / 2 * 4]);
  for (int i = 0; i < 2; ++i) fb[i] = to_tf32(b[(place + i * 4) * 8 + group]);
  float acc[4] = {};
  mma_m16n8k8_tf32(acc, fa, fb);
  for (int i = 0; i < 4; ++i) out[(group + i / 2 * 8) * 8 + place * 2 + i % 2] = acc[i];
}

// The same product of halves with fragments loaded by ldmatrix, through asynchronous copies.
extern "C" __global__ void mma_loaded(const f16* a, const f16* b, float* out) {
  extern __shared__ __align__(16) char smem[];
  f16* rows = reinterpret_cast<f16*>(smem);  // a: 16 rows of 16; then b: 16 rows of 8
  const int lane = threadIdx.x;
  cp_async16(rows + lane * 8, a + lane * 8);
  if (lane < 16) cp_async16(rows + 256 + lane * 8, b + lane * 8);
  cp_async_commit();
  cp_async_wait<0>();
  __syncwarp();
  unsigned fa[4], fb[4];
  ldmatrix_x4(fa, rows + lane % 16 * 16 + lane / 16 * 8);
  ldmatrix_x4_trans(fb, rows + 256 + lane % 16 * 8);
  float acc[4] = {1.0f, 1.0f, 1.0f, 1.0f};
  const unsigned fb2[2] = {fb[0], fb[1]};
  mma_m16n8k16<f16>(acc, fa, fb2);
  for (int i = 0; i < 4; ++i) out[(lane / 4 + i / 2 * 8) * 8 + lane % 4 * 2 + i % 2] = acc[i];
}

// What shared memory holds after each of: both copies issued, the first one waited for, both waited for.
extern "C" __global__ void copies(const unsigned* in, unsigned* out) {
  extern __shared__ __align__(16) char smem[];
  unsigned* s = reinterpret_cast<unsigned*>(smem);
  for (int i = 0; i < 8; ++i) s[i] = 7u;
  cp_async16(s, in);
  cp_async_commit();
  cp_async16_zfill(s + 4, in + 4, 8);
  cp_async_commit();
  for (int i = 0; i < 8; ++i) out[i] = s[i];
  cp_async_wait<1>();
  for (int i = 0; i < 8; ++i) out[8 + i] = s[i];
  cp_async_wait<0>();
  for (int i = 0; i < 8; ++i) out[16 + i] = s[i];
}

extern "C" __global__ void rounding(const float* x, f16* half, bf16* brain, float* from_half, float* from_brain,
                                    int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  half[i] = from_float<f16>(x[i]);
  brain[i] = from_float<bf16>(x[i]);
  from_half[i] = to_float(half[i]);
  from_brain[i] = to_float(brain[i]);
}

extern "C" __global__ void warps(unsigned* out) {
  const unsigned lane = threadIdx.x;
  out[lane] = __shfl_up_sync(0xffffffffu, lane, 3);
  out[32 + lane] = __shfl_down_sync(0xffffffffu, lane, 5, 16);
  out[64 + lane] = __shfl_sync(0xffffffffu, lane, (int)(lane * 7), 8);
  out[96 + lane] = __ballot_sync(0xffffffffu, lane % 3 == 0);
  unsigned half = lane < 16 ? 0x0000ffffu : 0xffff0000u;  // two halves of a warp on ways of their own
  out[128 + lane] = lane < 16 ? __shfl_xor_sync(half, lane, 1) : __ballot_sync(half, lane % 2) >> 16;
  out[160 + lane] = (unsigned)warp_max(lane == 11 ? 100.0f : (float)lane);
}
"""
)

CLUSTERED = (
    prelude()
    + r"""
// Each block writes its rank, and its neighbour in the cluster reads it through distributed shared memory.
extern "C" __global__ void __cluster_dims__(4, 1, 1) neighbours(unsigned* out) {
  extern __shared__ unsigned mine[];
  mine[threadIdx.x] = 100 * blockIdx.x + threadIdx.x;
  cluster_barrier();
  unsigned next = (cluster_rank() + 1) % cluster_size();
  out[blockIdx.x * blockDim.x + threadIdx.x] = *map_shared_rank(&mine[threadIdx.x], next);
  cluster_barrier();
}
extern "C" __global__ void __cluster_dims__(4, 1, 1) leaves_early(unsigned* out) {
  extern __shared__ unsigned mine[];
  mine[threadIdx.x] = threadIdx.x;
  cluster_barrier();
  if (cluster_rank() == 0) out[threadIdx.x] = *map_shared_rank(&mine[threadIdx.x], 3);  // @leaves_early
}

// Each block writes into its neighbour's shared memory, and reads its own; numbers of all sizes.
extern "C" __global__ void __cluster_dims__(4, 1, 1) pushes(unsigned* out) {
  extern __shared__ __align__(16) unsigned char smem[];
  double* const large = (double*)smem;
  unsigned* const mine = (unsigned*)(large + blockDim.x);
  f16* const half = (f16*)(mine + blockDim.x);
  bool* const flag = (bool*)(half + blockDim.x);
  const unsigned next = (cluster_rank() + 1) % cluster_size();
  const f16 one = {15360};
  cluster_barrier();
  st_cluster(&large[threadIdx.x], next, blockIdx.x + 0.5);
  st_cluster(&mine[threadIdx.x], next, 100 * blockIdx.x + threadIdx.x);
  st_cluster(&half[threadIdx.x], next, one);
  st_cluster(&flag[threadIdx.x], next, true);
  cluster_barrier();
  const bool whole = large[threadIdx.x] == mine[0] / 100 + 0.5 && half[threadIdx.x].bits == 15360 && flag[threadIdx.x];
  out[blockIdx.x * blockDim.x + threadIdx.x] = whole ? mine[threadIdx.x] : 0;
}
extern "C" __global__ void __cluster_dims__(4, 1, 1) pushes_unseen(unsigned* out) {
  extern __shared__ unsigned mine[];
  cluster_barrier();
  st_cluster(&mine[threadIdx.x], (cluster_rank() + 1) % cluster_size(), 7u);  // @pushes_unseen
  __syncthreads();
  out[blockIdx.x * blockDim.x + threadIdx.x] = mine[threadIdx.x];  // @reads_unseen
  cluster_barrier();
}
extern "C" __global__ void __cluster_dims__(4, 1, 1) pushes_to(int rank, int place) {
  extern __shared__ unsigned mine[];
  cluster_barrier();
  st_cluster(&mine[place], rank, 7u);  // @pushes_to
  cluster_barrier();
}
extern "C" __global__ void __cluster_dims__(4, 1, 1) pushes_and_leaves() {
  extern __shared__ unsigned mine[];
  cluster_barrier();
  if (cluster_rank() == 0) st_cluster(&mine[threadIdx.x], 3, 7u);  // @pushes_and_leaves
}
"""
)

BROKEN = (
    prelude()
    + r"""
__device__ int sum_to(int n) { return n * (n + 1) / 2; }

extern "C" __global__ void no_barrier(const float* x, float* out) {
  extern __shared__ float s[];
  s[threadIdx.x] = x[threadIdx.x];
  out[threadIdx.x] = s[blockDim.x - 1 - threadIdx.x];  // @no_barrier
}

extern "C" __global__ void skipped_barrier(float* out) {
  if (threadIdx.x >= 40) return;
  __syncthreads();  // @skipped_barrier
  out[threadIdx.x] = 1.0f;
}

extern "C" __global__ void two_barriers(float* out) {
  if (threadIdx.x < 32) {
    __syncthreads();  // @two_barriers
  } else {
    out[threadIdx.x] = 1.0f;
    __syncthreads();  // @other_barrier
  }
}

extern "C" __global__ void half_a_warp(float* out) {
  if (threadIdx.x % 2) out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, out[threadIdx.x], 2);  // @half_a_warp
  else __syncthreads();
}

extern "C" __global__ void not_in_mask(float* out) {
  out[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, out[threadIdx.x], 1);  // @not_in_mask
}

extern "C" __global__ void block_too_many(unsigned* counter) {
  unsigned target = 0;
  grid_barrier(counter, gridDim.x + 1, &target);  // @block_too_many
}

extern "C" __global__ void live_lock(unsigned* p) {
  while (atomicAdd(p, 2u) != 1u) spin_pause();  // @live_lock
}

extern "C" __global__ void endless(const int* p, int* out) {
  int i = 0;
  while (p[i & 3] == 0) ++i;  // @endless
  *out = i;
}

extern "C" __global__ void past_the_end(const float* x, float* out, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i <= n) out[i] = x[i < n ? i : 0];  // @past_the_end
}

extern "C" __global__ void before_the_start(const float* x, float* out) {
  out[threadIdx.x] = x[(int)threadIdx.x - 1];  // @before_the_start
}

extern "C" __global__ void shared_too_small(float* out) {
  extern __shared__ float s[];
  s[threadIdx.x] = 1.0f;  // @shared_too_small
  out[threadIdx.x] = s[threadIdx.x];
}

extern "C" __global__ void local_array(float* out, int n) {
  float a[4] = {0.0f, 1.0f, 2.0f, 3.0f};
  a[n & 1] = 5.0f;
  out[threadIdx.x] = a[n];  // @local_array
}

extern "C" __global__ void misaligned(const float* x, float4* out) {
  const float4* four = reinterpret_cast<const float4*>(x + 1);
  out[threadIdx.x] = four[threadIdx.x];  // @misaligned
}

extern "C" __global__ void misaligned_copy(const float* x) {
  extern __shared__ float s[];
  cp_async16(s, x + 2);  // @misaligned_copy
}

extern "C" __global__ void null_pointer(const float* x, float* out) {
  out[threadIdx.x] = x[threadIdx.x];  // @null_pointer
}

extern "C" __global__ void zero_division(int* out, int n) {
  out[threadIdx.x] = sum_to(3) / n;  // @zero_division
}

// A barrier of the grid whose arrival orders nothing: atomicAdd is relaxed, and no fence stands before it.
extern "C" __global__ void no_fence(float* x, unsigned* counter) {
  if (threadIdx.x == 0) {
    x[blockIdx.x] = 1.0f;  // @no_fence_write
    atomicAdd(counter, 1u);
    while (ld_acquire(counter) < gridDim.x) spin_pause();
    x[gridDim.x + blockIdx.x] = x[(blockIdx.x + 1) % gridDim.x];  // @no_fence
  }
}

// The same with a fence is right.
extern "C" __global__ void with_fence(float* x, unsigned* counter) {
  if (threadIdx.x == 0) {
    x[blockIdx.x] = 1.0f;
    __threadfence();
    atomicAdd(counter, 1u);
    while (ld_acquire(counter) < gridDim.x) spin_pause();
    x[gridDim.x + blockIdx.x] = x[(blockIdx.x + 1) % gridDim.x];
  }
}
"""
)


def marked(text: str, name: str) -> int:
    """The number of the line that ends in `// @name`."""
    return next(n for n, line in enumerate(text.splitlines(), 1) if line.endswith(f"// @{name}"))
