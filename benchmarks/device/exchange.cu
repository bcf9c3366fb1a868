// Ways in which blocks can meet and exchange numbers, for exchange.py. CLUSTER is the size of clusters.
__device__ __forceinline__ uint4 ld128(const uint4* p) {
  uint4 v;
  asm volatile("{.reg .b128 t; .reg .b64 a, b; ld.relaxed.gpu.global.b128 t, [%4]; mov.b128 {a, b}, t; mov.b64 {%0, %1}, a; mov.b64 {%2, %3}, b;}"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p) : "memory");
  return v;
}
__device__ __forceinline__ void st128(uint4* p, uint4 v) {
  asm volatile("{.reg .b128 t; .reg .b64 a, b; mov.b64 a, {%1, %2}; mov.b64 b, {%3, %4}; mov.b128 t, {a, b}; st.relaxed.gpu.global.b128 [%0], t;}"
               : : "l"(p), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w) : "memory");
}
__device__ __forceinline__ uint4 ldv4(const uint4* p) {
  uint4 v;
  asm volatile("ld.relaxed.gpu.global.v4.u32 {%0,%1,%2,%3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p) : "memory");
  return v;
}
__device__ __forceinline__ uint2 ldv2(const uint2* p) {
  uint2 v;
  asm volatile("ld.relaxed.gpu.global.b64 %0, [%1];" : "=l"(*(unsigned long long*)&v) : "l"(p) : "memory");
  return v;
}
__device__ __forceinline__ void stv2(uint2* p, uint2 v) {
  asm volatile("st.relaxed.gpu.global.b64 [%0], %1;" : : "l"(p), "l"(*(unsigned long long*)&v) : "memory");
}
extern __shared__ __align__(16) unsigned char smem[];

// barriers alone
extern "C" __global__ void bar_counter(unsigned* c, int steps, int team) {
  unsigned target = 0;
  unsigned* counter = c + blockIdx.x / team * 32;
  for (int s = 0; s < steps; ++s) grid_barrier(counter, team, &target);
}
template <int STRIDE, bool RELAXED> __device__ void flags_(unsigned* f, int team, unsigned epoch) {
  __syncthreads();
  unsigned* const own = f + blockIdx.x / team * team * STRIDE;
  if (threadIdx.x == 0) st_release(own + blockIdx.x % team * STRIDE, epoch);
  if ((int)threadIdx.x < team) {
    if (RELAXED) { while ((int)(ld_relaxed(own + threadIdx.x * STRIDE) - epoch) < 0); asm volatile("fence.acq_rel.gpu;" ::: "memory"); }
    else while ((int)(ld_acquire(own + threadIdx.x * STRIDE) - epoch) < 0);
  }
  __syncthreads();
}
extern "C" __global__ void bar_flags1(unsigned* c, int steps, int team) { for (int s = 0; s < steps; ++s) flags_<1, false>(c, team, s + 1); }
extern "C" __global__ void bar_flags8(unsigned* c, int steps, int team) { for (int s = 0; s < steps; ++s) flags_<8, false>(c, team, s + 1); }
extern "C" __global__ void bar_flags1r(unsigned* c, int steps, int team) { for (int s = 0; s < steps; ++s) flags_<1, true>(c, team, s + 1); }

// exchange: `words` u32 of the team, each block writes its share, all read all into shared memory
__device__ __forceinline__ unsigned fake(unsigned s, unsigned i) { return (s * 2654435761u + i) & 0x7fff7fffu; }
#define HEAD const int rank = blockIdx.x % team, which = blockIdx.x / team; const int share = (words + team - 1) / team; \
  const int first = rank * share, own = words - first < share ? max(words - first, 0) : share; unsigned bad = 0;
__device__ __forceinline__ void check(unsigned& bad, const unsigned* sm, int words, int s) {
  __syncthreads();
  for (int i = threadIdx.x; i < words; i += 4 * blockDim.x) bad |= sm[i] ^ fake(s, i);
  __syncthreads();
}
extern "C" __global__ void ex_counter(unsigned* c, unsigned* buf, unsigned* out, int steps, int team, int words) {
  HEAD unsigned target = 0;
  unsigned* const mine = buf + which * 2 * words;
  for (int s = 0; s < steps; ++s) {
    unsigned* const b = mine + s % 2 * words;
    for (int i = threadIdx.x; i < own; i += blockDim.x) b[first + i] = fake(s, first + i);
    grid_barrier(c + which * 32, team, &target);
    for (int i = threadIdx.x; i < words / 4; i += blockDim.x) cp_async16((uint4*)smem + i, (uint4*)b + i);
    cp_async_commit(); cp_async_wait<0>();
    check(bad, (unsigned*)smem, words, s);
  }
  if (bad) out[0] = 1;
}
extern "C" __global__ void ex_flags(unsigned* c, unsigned* buf, unsigned* out, int steps, int team, int words) {
  HEAD
  unsigned* const mine = buf + which * 2 * words;
  for (int s = 0; s < steps; ++s) {
    unsigned* const b = mine + s % 2 * words;
    for (int i = threadIdx.x; i < own; i += blockDim.x) b[first + i] = fake(s, first + i);
    flags_<1, false>(c, team, s + 1);
    for (int i = threadIdx.x; i < words / 4; i += blockDim.x) cp_async16((uint4*)smem + i, (uint4*)b + i);
    cp_async_commit(); cp_async_wait<0>();
    check(bad, (unsigned*)smem, words, s);
  }
  if (bad) out[0] = 1;
}
// sentinel 0xffffffff, three buffers
template <bool FENCE> __device__ void sentinel_(unsigned* buf, unsigned* out, int steps, int team, int words) {
  HEAD
  unsigned* const mine = buf + which * 3 * words;
  for (int s = 0; s < steps; ++s) {
    unsigned* const b = mine + s % 3 * words;
    unsigned* const old = mine + (s + 2) % 3 * words;
    if (FENCE) asm volatile("fence.acq_rel.gpu;" ::: "memory");
    for (int i = threadIdx.x; i < own; i += blockDim.x) st_relaxed(b + first + i, fake(s, first + i));
    constexpr int N = 8;
    for (int base = threadIdx.x; base < words / 4; base += N * blockDim.x) {
      uint4 v[N];
#pragma unroll
      for (int k = 0; k < N; ++k) if (base + k * (int)blockDim.x < words / 4) v[k] = ldv4((const uint4*)b + base + k * blockDim.x);
#pragma unroll
      for (int k = 0; k < N; ++k) if (base + k * (int)blockDim.x < words / 4) {
        while (v[k].x == ~0u || v[k].y == ~0u || v[k].z == ~0u || v[k].w == ~0u) v[k] = ldv4((const uint4*)b + base + k * blockDim.x);
        ((uint4*)smem)[base + k * blockDim.x] = v[k];
      }
    }
    check(bad, (unsigned*)smem, words, s);
    for (int i = threadIdx.x; i < own; i += blockDim.x) st_relaxed(old + first + i, ~0u);
  }
  if (bad) out[0] = 1;
}
extern "C" __global__ void ex_sentinel(unsigned*, unsigned* buf, unsigned* out, int steps, int team, int words) { sentinel_<false>(buf, out, steps, team, words); }
extern "C" __global__ void ex_sentinel_fence(unsigned*, unsigned* buf, unsigned* out, int steps, int team, int words) { sentinel_<true>(buf, out, steps, team, words); }
// 8 bytes: a word and its step
extern "C" __global__ void ex_ll64(unsigned*, unsigned* buf, unsigned* out, int steps, int team, int words) {
  HEAD
  uint2* const mine = (uint2*)buf + which * 2 * words;
  for (int s = 0; s < steps; ++s) {
    uint2* const b = mine + s % 2 * words;
    for (int i = threadIdx.x; i < own; i += blockDim.x) stv2(b + first + i, make_uint2(fake(s, first + i), s + 1));
    constexpr int N = 8;
    for (int base = threadIdx.x; base < words / 2; base += N * blockDim.x) {
      uint4 v[N];
#pragma unroll
      for (int k = 0; k < N; ++k) if (base + k * (int)blockDim.x < words / 2) v[k] = ldv4((const uint4*)b + base + k * blockDim.x);
#pragma unroll
      for (int k = 0; k < N; ++k) if (base + k * (int)blockDim.x < words / 2) {
        while (v[k].y != s + 1 || v[k].w != s + 1) v[k] = ldv4((const uint4*)b + base + k * blockDim.x);
        ((uint2*)smem)[base + k * blockDim.x] = make_uint2(v[k].x, v[k].z);
      }
    }
    check(bad, (unsigned*)smem, words, s);
  }
  if (bad) out[0] = 1;
}
// 16 bytes: three words and their step
extern "C" __global__ void ex_ll128(unsigned*, unsigned* buf, unsigned* out, int steps, int team, int words) {
  HEAD
  const int lines = (words + 2) / 3, each = (lines + team - 1) / team, begin = rank * each, have = min(each, max(lines - begin, 0));
  uint4* const mine = (uint4*)buf + which * 2 * lines;
  for (int s = 0; s < steps; ++s) {
    uint4* const b = mine + s % 2 * lines;
    for (int i = threadIdx.x; i < have; i += blockDim.x) {
      const int w = (begin + i) * 3;
      st128(b + begin + i, make_uint4(fake(s, w), fake(s, w + 1), fake(s, w + 2), s + 1));
    }
    constexpr int N = 8;
    for (int base = threadIdx.x; base < lines; base += N * blockDim.x) {
      uint4 v[N];
#pragma unroll
      for (int k = 0; k < N; ++k) if (base + k * (int)blockDim.x < lines) v[k] = ld128(b + base + k * blockDim.x);
#pragma unroll
      for (int k = 0; k < N; ++k) if (base + k * (int)blockDim.x < lines) {
        while (v[k].w != s + 1) v[k] = ld128(b + base + k * blockDim.x);
        unsigned* const at = (unsigned*)smem + (base + k * blockDim.x) * 3;
        at[0] = v[k].x; at[1] = v[k].y; at[2] = v[k].z;
      }
    }
    check(bad, (unsigned*)smem, words, s);
  }
  if (bad) out[0] = 1;
}
// nothing of other blocks: what is left of the same loop
extern "C" __global__ void ex_none(unsigned*, unsigned* buf, unsigned* out, int steps, int team, int words) {
  HEAD
  for (int s = 0; s < steps; ++s) {
    for (int i = threadIdx.x; i < words; i += blockDim.x) ((unsigned*)smem)[i] = fake(s, i);
    check(bad, (unsigned*)smem, words, s);
  }
  if (bad) out[0] = 1;
}
extern "C" __global__ void empty(int x) {}
extern "C" __global__ void __cluster_dims__(CLUSTER, 1, 1) bar_cluster(unsigned* c, int steps, int team) {
  for (int s = 0; s < steps; ++s) cluster_barrier();
}
// each block writes its share into the shared memory of all others of the cluster
extern "C" __global__ void __cluster_dims__(CLUSTER, 1, 1) ex_cluster(unsigned*, unsigned* buf, unsigned* out, int steps, int team, int words) {
  HEAD
  cluster_barrier();
  for (int s = 0; s < steps; ++s) {
    unsigned* const b = (unsigned*)smem + s % 2 * words;
    for (int i = threadIdx.x; i < own; i += blockDim.x) {
      const unsigned x = fake(s, first + i);
      b[first + i] = x;
      for (int r = 1; r < team; ++r) st_cluster(b + first + i, rank + r < team ? rank + r : rank + r - team, x);
    }
    cluster_barrier();
    check(bad, b, words, s);
  }
  cluster_barrier();
  if (bad) out[0] = 1;
}
