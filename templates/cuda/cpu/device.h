// CUDA's words in C++: what NVRTC knows without a header, for g++. Kernel text is compiled behind this.
#pragma once
#include "runtime.h"

#define __global__
#define __device__
#define __host__
#define __constant__ const
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __cluster_dims__(...)
#define __align__(n) alignas(n)
#define threadIdx (rnnc_cpu::thread_index())
#define blockIdx (rnnc_cpu::block_index())
#define blockDim (rnnc_cpu::block_size())
#define gridDim (rnnc_cpu::grid_size())
#define warpSize 32

// The runtime's own accesses are no accesses of the kernel.
#define RNNC_PLAIN __attribute__((no_sanitize("thread")))
#define RNNC_LINE int line = __builtin_LINE()

typedef __SIZE_TYPE__ size_t;

#define RNNC_VECTORS(T, name)                                                                       \
  struct alignas(2 * sizeof(T)) name##2 { T x, y; };                                                        \
  struct name##3 { T x, y, z; };                                                                            \
  struct alignas(4 * sizeof(T) > 16 ? 16 : 4 * sizeof(T)) name##4 { T x, y, z, w; };                        \
  inline name##2 make_##name##2(T x, T y) { return {x, y}; }                                                \
  inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }                                        \
  inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
RNNC_VECTORS(float, float) RNNC_VECTORS(double, double)
RNNC_VECTORS(signed char, char) RNNC_VECTORS(short, short) RNNC_VECTORS(int, int) RNNC_VECTORS(long long, longlong)
RNNC_VECTORS(unsigned char, uchar) RNNC_VECTORS(unsigned short, ushort) RNNC_VECTORS(unsigned, uint)
RNNC_VECTORS(unsigned long long, ulonglong)
#undef RNNC_VECTORS

inline void __syncthreads(RNNC_LINE) { rnnc_cpu::block_barrier(line); }
inline int __syncthreads_count(int p, RNNC_LINE) { return (int)rnnc_cpu::block_count(p != 0, line); }
inline int __syncthreads_or(int p, RNNC_LINE) { return rnnc_cpu::block_count(p != 0, line) != 0; }
inline int __syncthreads_and(int p, RNNC_LINE) { return rnnc_cpu::block_count(p == 0, line) == 0; }
inline void __threadfence(RNNC_LINE) { rnnc_cpu::fence(line); }
inline void __threadfence_system(RNNC_LINE) { rnnc_cpu::fence(line); }
inline void __threadfence_block(RNNC_LINE) { rnnc_cpu::fence(line); }
[[noreturn]] inline void __trap(RNNC_LINE) { rnnc_cpu::trap(line); }
inline void __nanosleep(unsigned, RNNC_LINE) { rnnc_cpu::spin_pause(line); }
inline unsigned __activemask() { return rnnc_cpu::active_mask(); }

namespace rnnc_cpu {

template <typename T> RNNC_PLAIN inline unsigned long long to_bits(T x) {
  static_assert(sizeof(T) <= 8, "shuffles move up to 8 bytes");
  unsigned long long bits = 0;
  __builtin_memcpy(&bits, &x, sizeof(T));
  return bits;
}
template <typename T> RNNC_PLAIN inline T from_bits(unsigned long long bits) {
  T x;
  __builtin_memcpy(&x, &bits, sizeof(T));
  return x;
}
template <typename T> inline T shuffle(WarpOp op, unsigned mask, T x, int operand, int width, int line) {
  return from_bits<T>(warp_exchange(op, mask, to_bits(x), operand, width, line));
}
template <typename T, typename Change>
RNNC_PLAIN inline T update(T* p, Order order, int line, Change change) {
  atomic_access(p, sizeof(T), order, line);
  T old = *p, changed = change(old);
  if (to_bits(old) != to_bits(changed)) atomic_changed();
  *p = changed;
  return old;
}

}  // namespace rnnc_cpu

inline void __syncwarp(unsigned mask = 0xffffffffu, RNNC_LINE) {
  rnnc_cpu::warp_exchange(rnnc_cpu::WarpOp::sync, mask, 0, 0, 32, line);
}
template <typename T> inline T __shfl_sync(unsigned mask, T x, int lane, int width = 32, RNNC_LINE) {
  return rnnc_cpu::shuffle(rnnc_cpu::WarpOp::shuffle, mask, x, lane, width, line);
}
template <typename T> inline T __shfl_up_sync(unsigned mask, T x, unsigned by, int width = 32, RNNC_LINE) {
  return rnnc_cpu::shuffle(rnnc_cpu::WarpOp::shuffle_up, mask, x, (int)by, width, line);
}
template <typename T> inline T __shfl_down_sync(unsigned mask, T x, unsigned by, int width = 32, RNNC_LINE) {
  return rnnc_cpu::shuffle(rnnc_cpu::WarpOp::shuffle_down, mask, x, (int)by, width, line);
}
template <typename T> inline T __shfl_xor_sync(unsigned mask, T x, int lanes, int width = 32, RNNC_LINE) {
  return rnnc_cpu::shuffle(rnnc_cpu::WarpOp::shuffle_xor, mask, x, lanes, width, line);
}
inline unsigned __ballot_sync(unsigned mask, int p, RNNC_LINE) {
  return (unsigned)rnnc_cpu::warp_exchange(rnnc_cpu::WarpOp::ballot, mask, p != 0, 0, 32, line);
}
inline int __any_sync(unsigned mask, int p, RNNC_LINE) {
  return (int)rnnc_cpu::warp_exchange(rnnc_cpu::WarpOp::any, mask, p != 0, 0, 32, line);
}
inline int __all_sync(unsigned mask, int p, RNNC_LINE) {
  return (int)rnnc_cpu::warp_exchange(rnnc_cpu::WarpOp::all, mask, p != 0, 0, 32, line);
}

// Atomic functions are relaxed, as CUDA's are.
#define RNNC_ATOMIC(T, name, expression)                                                            \
  RNNC_PLAIN inline T name(T* p, T x, RNNC_LINE) {                                                  \
    return rnnc_cpu::update(p, rnnc_cpu::Order::relaxed_update, line, [=](T old) -> T { return expression; }); \
  }
#define RNNC_ATOMICS(T)                                                                             \
  RNNC_ATOMIC(T, atomicAdd, old + x)                                                                \
  RNNC_ATOMIC(T, atomicMax, old > x ? old : x)                                                      \
  RNNC_ATOMIC(T, atomicMin, old < x ? old : x)                                                      \
  RNNC_ATOMIC(T, atomicExch, (void(old), x))                                                        \
  RNNC_ATOMIC(T, atomicAnd, old & x)                                                                \
  RNNC_ATOMIC(T, atomicOr, old | x)                                                                 \
  RNNC_ATOMIC(T, atomicXor, old ^ x)                                                                \
  RNNC_PLAIN inline T atomicCAS(T* p, T expected, T x, RNNC_LINE) {                                 \
    return rnnc_cpu::update(p, rnnc_cpu::Order::relaxed_update, line,                               \
                            [=](T old) -> T { return old == expected ? x : old; });                 \
  }
RNNC_ATOMICS(int)
RNNC_ATOMICS(unsigned)
RNNC_ATOMICS(unsigned long long)
RNNC_ATOMIC(int, atomicSub, old - x)
RNNC_ATOMIC(unsigned, atomicSub, old - x)
RNNC_ATOMIC(float, atomicAdd, old + x)
RNNC_ATOMIC(double, atomicAdd, old + x)
RNNC_ATOMIC(float, atomicExch, (void(old), x))
#undef RNNC_ATOMICS
#undef RNNC_ATOMIC

#include "maths.h"
