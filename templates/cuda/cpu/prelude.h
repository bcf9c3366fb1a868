// The twin of ../prelude.cuh: the same functions in plain C++. What one has, the other has.
#pragma once

struct f16 { unsigned short bits; };
struct bf16 { unsigned short bits; };
struct tf32 { float whole; };

namespace rnnc_cpu {

// To nearest, ties to even; NaN becomes the device's one NaN.
inline unsigned short half_bits(float x) {
  unsigned u = __float_as_uint(x), sign = u >> 16 & 0x8000u, size = u & 0x7fffffffu;
  if (size > 0x7f800000u) return 0x7fff;
  if (size >= 0x477ff000u) return (unsigned short)(sign | 0x7c00u);
  if (size < 0x38800000u) {  // below the smallest normal number: the unit is 2^-24, and adding rounds to even
    float unit = __uint_as_float(size) + 0.5f;
    return (unsigned short)(sign | (__float_as_uint(unit) - 0x3f000000u));
  }
  size += 0xfffu + (size >> 13 & 1u);
  return (unsigned short)(sign | (size - 0x38000000u) >> 13);
}
inline float half_value(unsigned short bits) {
  unsigned sign = (unsigned)(bits & 0x8000u) << 16, size = bits & 0x7fffu;
  if (size >= 0x7c00u) return __uint_as_float(sign | 0x7f800000u | (size & 0x3ffu) << 13);
  if (size < 0x400u) return __uint_as_float(sign | __float_as_uint((float)size * 0x1p-24f));
  return __uint_as_float(sign | ((size << 13) + 0x38000000u));
}
inline unsigned short bfloat_bits(float x) {
  unsigned u = __float_as_uint(x);
  if ((u & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
  return (unsigned short)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

}  // namespace rnnc_cpu

inline float to_float(float x) { return x; }
inline double to_float(double x) { return x; }
inline float to_float(tf32 x) { return x.whole; }
inline float to_float(f16 x) { return rnnc_cpu::half_value(x.bits); }
inline float to_float(bf16 x) { return __uint_as_float((unsigned)x.bits << 16); }

inline float fma_(float a, float b, float c) { return a * b + c; }  // one rounding more than on a device, and no call
inline double fma_(double a, double b, double c) { return a * b + c; }
inline int fma_(int a, int b, int c) { return a * b + c; }

template <typename T> struct rnnc_rounded;
template <> struct rnnc_rounded<float> { static float of(float x) { return x; } };
template <> struct rnnc_rounded<double> { static double of(double x) { return x; } };
template <> struct rnnc_rounded<tf32> { static tf32 of(float x) { return {x}; } };
template <> struct rnnc_rounded<f16> { static f16 of(float x) { return {rnnc_cpu::half_bits(x)}; } };
template <> struct rnnc_rounded<bf16> { static bf16 of(float x) { return {rnnc_cpu::bfloat_bits(x)}; } };
template <typename T, typename X> inline T from_float(X x) { return rnnc_rounded<T>::of(x); }
template <typename T> inline unsigned pack2(float low, float high) {
  return (unsigned)from_float<T>(low).bits | ((unsigned)from_float<T>(high).bits << 16);
}
inline unsigned to_tf32(float x) {  // to nearest, ties away from zero; 13 bits are dropped
  unsigned u = __float_as_uint(x);
  return (u & 0x7f800000u) == 0x7f800000u ? u : (u + 0x1000u) & 0xffffe000u;
}

RNNC_PLAIN inline unsigned ld_acquire(const unsigned* p, RNNC_LINE) {
  rnnc_cpu::atomic_access(p, 4, rnnc_cpu::Order::acquire_load, line);
  return *(const volatile unsigned*)p;
}
RNNC_PLAIN inline unsigned ld_relaxed(const unsigned* p, RNNC_LINE) {
  rnnc_cpu::atomic_access(p, 4, rnnc_cpu::Order::relaxed_load, line);
  return *(const volatile unsigned*)p;
}
inline void st_release(unsigned* p, unsigned x, RNNC_LINE) {
  rnnc_cpu::update(p, rnnc_cpu::Order::release_store, line, [=](unsigned) { return x; });
}
inline void st_relaxed(unsigned* p, unsigned x, RNNC_LINE) {
  rnnc_cpu::update(p, rnnc_cpu::Order::relaxed_store, line, [=](unsigned) { return x; });
}
inline void red_release(unsigned* p, unsigned x, RNNC_LINE) {
  rnnc_cpu::update(p, rnnc_cpu::Order::release_update, line, [=](unsigned old) { return old + x; });
}
inline void spin_pause(RNNC_LINE) { rnnc_cpu::spin_pause(line); }

inline void grid_arrive(unsigned* counter, unsigned blocks, unsigned* target, RNNC_LINE) {
  rnnc_cpu::grid_meets(blocks, line);
  *target += blocks;
  __syncthreads(line);
  if (threadIdx.x == 0 && threadIdx.y == 0 && threadIdx.z == 0) red_release(counter, 1u, line);
}
inline void grid_wait(const unsigned* counter, unsigned target, RNNC_LINE) {
  if (threadIdx.x == 0 && threadIdx.y == 0 && threadIdx.z == 0) {
    while ((int)(ld_acquire(counter, line) - target) < 0) spin_pause(line);
  }
  __syncthreads(line);
}
inline void grid_barrier(unsigned* counter, unsigned blocks, unsigned* target, RNNC_LINE) {
  grid_arrive(counter, blocks, target, line);
  grid_wait(counter, *target, line);
}

inline void prefetch_l2(const void*) {}
template <typename T> inline T* in_shared(T* p) { return p; }

inline void cp_async16(void* shared, const void* global, RNNC_LINE) {
  rnnc_cpu::copy_async(shared, global, 16, line);
}
inline void cp_async16_zfill(void* shared, const void* global, unsigned bytes, RNNC_LINE) {
  rnnc_cpu::copy_async(shared, global, bytes, line);
}
inline void cp_async_commit() { rnnc_cpu::copy_commit(); }
template <int N> inline void cp_async_wait(RNNC_LINE) { rnnc_cpu::copy_wait(N, line); }

template <typename T> struct rnnc_matrix;
template <> struct rnnc_matrix<f16> { static constexpr rnnc_cpu::Matrix type = rnnc_cpu::Matrix::f16; };
template <> struct rnnc_matrix<bf16> { static constexpr rnnc_cpu::Matrix type = rnnc_cpu::Matrix::bf16; };
template <typename T>
inline void mma_m16n8k16(float (&acc)[4], const unsigned (&a)[4], const unsigned (&b)[2], RNNC_LINE) {
  rnnc_cpu::warp_product(rnnc_matrix<T>::type, acc, a, b, line);
}
inline void mma_m16n8k8_tf32(float (&acc)[4], const unsigned (&a)[4], const unsigned (&b)[2], RNNC_LINE) {
  rnnc_cpu::warp_product(rnnc_cpu::Matrix::tf32, acc, a, b, line);
}
inline void ldmatrix_x4(unsigned (&r)[4], const void* row, RNNC_LINE) {
  rnnc_cpu::warp_load_matrices(r, row, false, line);
}
inline void ldmatrix_x4_trans(unsigned (&r)[4], const void* row, RNNC_LINE) {
  rnnc_cpu::warp_load_matrices(r, row, true, line);
}

template <typename X> inline X warp_sum(X x, RNNC_LINE) {
  for (int step = 16; step > 0; step >>= 1) x += __shfl_xor_sync(0xffffffffu, x, step, 32, line);
  return x;
}
template <typename X> inline X warp_max(X x, RNNC_LINE) {
  for (int step = 16; step > 0; step >>= 1) {
    X other = __shfl_xor_sync(0xffffffffu, x, step, 32, line);
    x = x > other || x != x ? x : other;
  }
  return x;
}
template <typename X> inline X warp_min(X x, RNNC_LINE) {
  for (int step = 16; step > 0; step >>= 1) {
    X other = __shfl_xor_sync(0xffffffffu, x, step, 32, line);
    x = x < other || x != x ? x : other;
  }
  return x;
}
template <typename X> inline X warp_prod(X x, RNNC_LINE) {
  for (int step = 16; step > 0; step >>= 1) x *= __shfl_xor_sync(0xffffffffu, x, step, 32, line);
  return x;
}

inline unsigned cluster_rank() { return rnnc_cpu::cluster_rank(); }
inline unsigned cluster_size() { return rnnc_cpu::cluster_size(); }
inline void cluster_barrier(RNNC_LINE) { rnnc_cpu::cluster_barrier(line); }
template <typename T> inline T* map_shared_rank(T* p, unsigned rank, RNNC_LINE) {
  return (T*)rnnc_cpu::map_shared(p, rank, line);
}
template <typename T> inline void st_cluster(T* p, unsigned rank, T x, RNNC_LINE) {
  rnnc_cpu::store_cluster(p, rank, &x, sizeof(T), line);
}
