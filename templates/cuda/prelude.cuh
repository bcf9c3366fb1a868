// --- rnnc prelude: begin ---
// The only place with inline PTX and with waiting. Kernels call these functions and nothing below them; the same
// functions exist a second time in plain C++ (cpu/prelude.h), so that kernels also run on a CPU. Needs sm_70;
// what later devices do at once takes more instructions before them.

struct f16 { unsigned short bits; };   // IEEE half, storage only
struct bf16 { unsigned short bits; };  // bfloat16, storage only
struct tf32 { float whole; };          // float32, which products of matrices may round to the eleven bits of TF32

// ---- numbers: everything computes in float (double stays double), rounding is to nearest even ----

__device__ __forceinline__ float to_float(float x) { return x; }
__device__ __forceinline__ double to_float(double x) { return x; }
__device__ __forceinline__ float to_float(tf32 x) { return x.whole; }
__device__ __forceinline__ float to_float(f16 x) {
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
  return y;
}
__device__ __forceinline__ float to_float(bf16 x) { return __uint_as_float((unsigned)x.bits << 16); }

template <typename T> struct rnnc_rounded;
template <> struct rnnc_rounded<float> {
  __device__ static __forceinline__ float of(float x) { return x; }
};
template <> struct rnnc_rounded<double> {
  __device__ static __forceinline__ double of(double x) { return x; }
};
template <> struct rnnc_rounded<tf32> {
  __device__ static __forceinline__ tf32 of(float x) { return {x}; }
};
template <> struct rnnc_rounded<f16> {
  __device__ static __forceinline__ f16 of(float x) {
    f16 y;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
    return y;
  }
};
template <> struct rnnc_rounded<bf16> {
  __device__ static __forceinline__ bf16 of(float x) {
#if __CUDA_ARCH__ >= 800
    bf16 y;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
    return y;
#else
    const unsigned u = __float_as_uint(x);
    return {(unsigned short)(x != x ? 0x7fffu : (u + 0x7fffu + (u >> 16 & 1u)) >> 16)};
#endif
  }
};
// a b + c with one rounding. Nothing else is contracted (`--fmad=false`): an elementwise expression that stands in two
// kernels, or twice in one, has the same bits at each place, so that a largest number equals the one that it is.
__device__ __forceinline__ float fma_(float a, float b, float c) { return __fmaf_rn(a, b, c); }
__device__ __forceinline__ double fma_(double a, double b, double c) { return __fma_rn(a, b, c); }
__device__ __forceinline__ int fma_(int a, int b, int c) { return a * b + c; }

// from_float<f16>(x): x as it is stored.
template <typename T, typename X> __device__ __forceinline__ T from_float(X x) { return rnnc_rounded<T>::of(x); }
// pack2<f16>(low, high): two stored numbers in one register, as matrix fragments hold them.
template <typename T> __device__ __forceinline__ unsigned pack2(float low, float high) {
  return (unsigned)from_float<T>(low).bits | ((unsigned)from_float<T>(high).bits << 16);
}
__device__ __forceinline__ unsigned to_tf32(float x) {
  unsigned y;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(y) : "f"(x));
  return y;
}

// ---- waiting: loads, stores and sums that order what other blocks see ----

__device__ __forceinline__ unsigned ld_acquire(const unsigned* p) {
  unsigned x;
  asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(x) : "l"(p) : "memory");
  return x;
}
__device__ __forceinline__ unsigned ld_relaxed(const unsigned* p) {
  unsigned x;
  asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(x) : "l"(p) : "memory");
  return x;
}
__device__ __forceinline__ void st_release(unsigned* p, unsigned x) {
  asm volatile("st.release.gpu.global.u32 [%0], %1;" : : "l"(p), "r"(x) : "memory");
}
__device__ __forceinline__ void st_relaxed(unsigned* p, unsigned x) {
  asm volatile("st.relaxed.gpu.global.u32 [%0], %1;" : : "l"(p), "r"(x) : "memory");
}
__device__ __forceinline__ void red_release(unsigned* p, unsigned x) {
  asm volatile("red.release.gpu.global.add.u32 [%0], %1;" : : "l"(p), "r"(x) : "memory");
}
// One turn of a loop that waits. No sleep: a step of a recurrence is shorter than the shortest sleep.
__device__ __forceinline__ void spin_pause() { asm volatile("" : : : "memory"); }

// All threads of all `blocks` blocks of a cooperative launch arrive, and wait for one another. `*counter` is 0 before
// the launch and only grows; `*target` is every thread's own, 0 at the kernel's start. The difference is signed: the
// counter may wrap around.
__device__ __forceinline__ void grid_arrive(unsigned* counter, unsigned blocks, unsigned* target) {
  *target += blocks;
  __syncthreads();
  if (threadIdx.x == 0 && threadIdx.y == 0 && threadIdx.z == 0) red_release(counter, 1u);
}
__device__ __forceinline__ void grid_wait(const unsigned* counter, unsigned target) {
  if (threadIdx.x == 0 && threadIdx.y == 0 && threadIdx.z == 0) {
    while ((int)(ld_acquire(counter) - target) < 0) spin_pause();
  }
  __syncthreads();
}
__device__ __forceinline__ void grid_barrier(unsigned* counter, unsigned blocks, unsigned* target) {
  grid_arrive(counter, blocks, target);
  grid_wait(counter, *target);
}

// Ask for a line of memory that will be read soon: it comes as far as the cache that all multiprocessors share.
__device__ __forceinline__ void prefetch_l2(const void* p) { asm volatile("prefetch.global.L2 [%0];" : : "l"(p)); }

// A pointer into shared memory, where the compiler has lost sight of that: it reads faster when it knows.
template <typename T> __device__ __forceinline__ T* in_shared(T* p) {
  __builtin_assume(__isShared(p));
  return p;
}

// ---- copies from global to shared memory that arrive at the wait; both ends are aligned to 16 bytes ----

#if __CUDA_ARCH__ >= 800
__device__ __forceinline__ void cp_async16(void* shared, const void* global) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;"
               : : "r"((unsigned)__cvta_generic_to_shared(shared)), "l"(global) : "memory");
}
// Copies the first `bytes` (0 to 16) and fills the rest with zeros; nothing is read when `bytes` is 0.
__device__ __forceinline__ void cp_async16_zfill(void* shared, const void* global, unsigned bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               : : "r"((unsigned)__cvta_generic_to_shared(shared)), "l"(global), "r"(bytes) : "memory");
}
__device__ __forceinline__ void cp_async_commit() { asm volatile("cp.async.commit_group;" : : : "memory"); }
// Waits until at most the last N committed groups of this thread are under way.
template <int N> __device__ __forceinline__ void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" : : "n"(N) : "memory");
}
#else  // copies arrive at once
__device__ __forceinline__ void cp_async16(void* shared, const void* global) { *(uint4*)shared = *(const uint4*)global; }
__device__ __forceinline__ void cp_async16_zfill(void* shared, const void* global, unsigned bytes) {
  for (unsigned i = 0; i < 16; ++i) ((char*)shared)[i] = i < bytes ? ((const char*)global)[i] : 0;
}
__device__ __forceinline__ void cp_async_commit() {}
template <int N> __device__ __forceinline__ void cp_async_wait() {}
#endif

// ---- products of a whole warp: acc += a b, float accumulators, fragments as PTX lays them out ----

#if __CUDA_ARCH__ < 800
// By the lanes themselves, which ask one another for what they multiply.
template <typename T>
__device__ __forceinline__ void rnnc_by_lanes(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  const int group = threadIdx.x % 32 / 4, place = threadIdx.x % 4;
#pragma unroll
  for (int n = 0; n < 8; ++n) {  // two of the 16 numbers that are summed
    const int half = n / 4, row = group * 4 + n % 4, column = place * 8 + n % 4;  // the lanes that have them
    const unsigned above = __shfl_sync(0xffffffffu, a[half * 2], row), below = __shfl_sync(0xffffffffu, a[half * 2 + 1], row);
    const unsigned left = __shfl_sync(0xffffffffu, b[half], column), right = __shfl_sync(0xffffffffu, b[half], column + 4);
#pragma unroll
    for (int shift = 0; shift < 32; shift += 16) {
      const T rows[2] = {{(unsigned short)(above >> shift)}, {(unsigned short)(below >> shift)}};
      const T columns[2] = {{(unsigned short)(left >> shift)}, {(unsigned short)(right >> shift)}};
#pragma unroll
      for (int i = 0; i < 4; ++i) c[i] = fma_(to_float(rows[i / 2]), to_float(columns[i % 2]), c[i]);
    }
  }
}
#endif

template <typename T> struct rnnc_matrix;
template <> struct rnnc_matrix<f16> {
  __device__ static __forceinline__ void product(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if __CUDA_ARCH__ >= 800
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#elif __CUDA_ARCH__ >= 750
#pragma unroll
    for (int half = 0; half < 2; ++half)
      asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
                   : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                   : "r"(a[half * 2]), "r"(a[half * 2 + 1]), "r"(b[half]));
#else
    rnnc_by_lanes<f16>(c, a, b);
#endif
  }
};
template <> struct rnnc_matrix<bf16> {
  __device__ static __forceinline__ void product(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if __CUDA_ARCH__ >= 800
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
    rnnc_by_lanes<bf16>(c, a, b);
#endif
  }
};
template <typename T>
__device__ __forceinline__ void mma_m16n8k16(float (&acc)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  rnnc_matrix<T>::product(acc, a, b);
}
// sm_80 only.
__device__ __forceinline__ void mma_m16n8k8_tf32(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
// sm_75 only. Four 8x8 matrices of 16-bit numbers from shared memory; lane l gives the address of row l % 8 of matrix l / 8.
__device__ __forceinline__ void ldmatrix_x4(unsigned (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"((unsigned)__cvta_generic_to_shared(row)) : "memory");
}
__device__ __forceinline__ void ldmatrix_x4_trans(unsigned (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"((unsigned)__cvta_generic_to_shared(row)) : "memory");
}

// ---- reductions of a whole warp: every lane gets the result, always added in the same order ----

template <typename X> __device__ __forceinline__ X warp_sum(X x) {
#pragma unroll
  for (int step = 16; step > 0; step >>= 1) x += __shfl_xor_sync(0xffffffffu, x, step);
  return x;
}
template <typename X> __device__ __forceinline__ X warp_max(X x) {
#pragma unroll
  for (int step = 16; step > 0; step >>= 1) {
    X other = __shfl_xor_sync(0xffffffffu, x, step);
    x = x > other || x != x ? x : other;
  }
  return x;
}
template <typename X> __device__ __forceinline__ X warp_min(X x) {
#pragma unroll
  for (int step = 16; step > 0; step >>= 1) {
    X other = __shfl_xor_sync(0xffffffffu, x, step);
    x = x < other || x != x ? x : other;
  }
  return x;
}
template <typename X> __device__ __forceinline__ X warp_prod(X x) {
#pragma unroll
  for (int step = 16; step > 0; step >>= 1) x *= __shfl_xor_sync(0xffffffffu, x, step);
  return x;
}

// ---- clusters of blocks: sm_90 only ----

#if __CUDA_ARCH__ >= 900
__device__ __forceinline__ unsigned cluster_rank() {
  unsigned x;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(x));
  return x;
}
__device__ __forceinline__ unsigned cluster_size() {
  unsigned x;
  asm("mov.u32 %0, %%cluster_nctarank;" : "=r"(x));
  return x;
}
// All threads of all blocks of the cluster; orders their shared and global memory (release and acquire, if nothing is
// said, and CUDA 11 knows no words for them). A warp goes there together, however it came.
__device__ __forceinline__ void cluster_barrier() {
  __syncwarp();
  asm volatile("barrier.cluster.arrive.aligned;\n\tbarrier.cluster.wait.aligned;" : : : "memory");
}
// Where block `rank` of the cluster has what this block has at `p` in its shared memory.
template <typename T> __device__ __forceinline__ T* map_shared_rank(T* p, unsigned rank) {
  unsigned long long q;
  asm volatile("mapa.u64 %0, %1, %2;" : "=l"(q) : "l"((unsigned long long)p), "r"(rank));
  return (T*)q;
}
// How numbers of so many bytes go to an address in the shared memory of the cluster.
template <int bytes> struct rnnc_stored;
template <> struct rnnc_stored<1> {
  __device__ static __forceinline__ void of(unsigned at, const void* x) {
    asm volatile("st.shared::cluster.u8 [%0], %1;" : : "r"(at), "r"((unsigned)*(const unsigned char*)x) : "memory");
  }
};
template <> struct rnnc_stored<2> {
  __device__ static __forceinline__ void of(unsigned at, const void* x) {
    asm volatile("st.shared::cluster.u16 [%0], %1;" : : "r"(at), "h"(*(const unsigned short*)x) : "memory");
  }
};
template <> struct rnnc_stored<4> {
  __device__ static __forceinline__ void of(unsigned at, const void* x) {
    asm volatile("st.shared::cluster.u32 [%0], %1;" : : "r"(at), "r"(*(const unsigned*)x) : "memory");
  }
};
template <> struct rnnc_stored<8> {
  __device__ static __forceinline__ void of(unsigned at, const void* x) {
    asm volatile("st.shared::cluster.u64 [%0], %1;" : : "r"(at), "l"(*(const unsigned long long*)x) : "memory");
  }
};
// Writes to where block `rank` of the cluster has what this block has at `p` in its shared memory. That block sees it
// behind the next cluster_barrier, and must not end before.
template <typename T> __device__ __forceinline__ void st_cluster(T* p, unsigned rank, T x) {
  unsigned at;
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(at) : "r"((unsigned)__cvta_generic_to_shared(p)), "r"(rank));
  rnnc_stored<sizeof(T)>::of(at, &x);
}
#else  // there are no clusters to call these
__device__ __forceinline__ void cluster_barrier() { __trap(); }
template <typename T> __device__ __forceinline__ void st_cluster(T*, unsigned, T) { __trap(); }
#endif
// --- rnnc prelude: end ---
