// CUDA's mathematical functions and intrinsics over the C library's, declared here since headers cost compile time.
#pragma once

#define RNNC_UNARY(name)                                   \
  extern "C" double name(double) noexcept;                 \
  extern "C" float name##f(float) noexcept;                \
  inline float name(float x) { return name##f(x); }
#define RNNC_BINARY(name)                                  \
  extern "C" double name(double, double) noexcept;         \
  extern "C" float name##f(float, float) noexcept;         \
  inline float name(float x, float y) { return name##f(x, y); }
RNNC_UNARY(exp) RNNC_UNARY(exp2) RNNC_UNARY(expm1) RNNC_UNARY(log) RNNC_UNARY(log2) RNNC_UNARY(log10)
RNNC_UNARY(log1p) RNNC_UNARY(sin) RNNC_UNARY(cos) RNNC_UNARY(tan) RNNC_UNARY(asin) RNNC_UNARY(acos)
RNNC_UNARY(atan) RNNC_UNARY(sinh) RNNC_UNARY(cosh) RNNC_UNARY(tanh) RNNC_UNARY(asinh) RNNC_UNARY(acosh)
RNNC_UNARY(atanh) RNNC_UNARY(erf) RNNC_UNARY(erfc) RNNC_UNARY(lgamma) RNNC_UNARY(tgamma) RNNC_UNARY(sqrt)
RNNC_UNARY(cbrt) RNNC_UNARY(fabs) RNNC_UNARY(floor) RNNC_UNARY(ceil) RNNC_UNARY(trunc) RNNC_UNARY(round)
RNNC_UNARY(rint) RNNC_UNARY(nearbyint)
RNNC_BINARY(pow) RNNC_BINARY(fmod) RNNC_BINARY(atan2) RNNC_BINARY(fmin) RNNC_BINARY(fmax) RNNC_BINARY(copysign)
RNNC_BINARY(hypot) RNNC_BINARY(fdim) RNNC_BINARY(remainder)
#undef RNNC_UNARY
#undef RNNC_BINARY
extern "C" double fma(double, double, double) noexcept;
extern "C" float fmaf(float, float, float) noexcept;
extern "C" double ldexp(double, int) noexcept;
extern "C" float ldexpf(float, int) noexcept;
extern "C" void sincosf(float, float*, float*) noexcept;
extern "C" void* memcpy(void*, const void*, size_t) noexcept;
extern "C" void* memset(void*, int, size_t) noexcept;
extern "C" int printf(const char*, ...);

inline float fma(float x, float y, float z) { return fmaf(x, y, z); }
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float rsqrt(float x) { return rsqrtf(x); }
inline float sinpif(float x) { return (float)sin(3.141592653589793 * remainder((double)x, 2.0)); }
inline float cospif(float x) { return (float)cos(3.141592653589793 * remainder((double)x, 2.0)); }
inline float exp10f(float x) { return powf(10.0f, x); }
inline float fdividef(float x, float y) { return x / y; }
inline float erfcxf(float x) { return expf(x * x) * erfcf(x); }
inline float normcdff(float x) { return 0.5f * erfcf(-0.70710678f * x); }
inline bool isnan(float x) { return x != x; }
inline bool isnan(double x) { return x != x; }
inline bool isinf(float x) { return __builtin_isinf(x); }
inline bool isinf(double x) { return __builtin_isinf(x); }
inline bool isfinite(float x) { return __builtin_isfinite(x); }
inline bool isfinite(double x) { return __builtin_isfinite(x); }
inline bool signbit(float x) { return __builtin_signbit(x); }
inline bool signbit(double x) { return __builtin_signbit(x); }
inline int abs(int x) { return x < 0 ? -x : x; }
inline long long abs(long long x) { return x < 0 ? -x : x; }
inline float abs(float x) { return fabsf(x); }
inline double abs(double x) { return fabs(x); }

#define RNNC_MINMAX(T)                                     \
  inline T min(T x, T y) { return y < x ? y : x; }         \
  inline T max(T x, T y) { return x < y ? y : x; }
RNNC_MINMAX(int) RNNC_MINMAX(unsigned) RNNC_MINMAX(long) RNNC_MINMAX(unsigned long)
RNNC_MINMAX(long long) RNNC_MINMAX(unsigned long long)
#undef RNNC_MINMAX
inline unsigned min(int x, unsigned y) { return min((unsigned)x, y); }
inline unsigned min(unsigned x, int y) { return min(x, (unsigned)y); }
inline unsigned max(int x, unsigned y) { return max((unsigned)x, y); }
inline unsigned max(unsigned x, int y) { return max(x, (unsigned)y); }
inline float min(float x, float y) { return fminf(x, y); }
inline float max(float x, float y) { return fmaxf(x, y); }
inline double min(double x, double y) { return fmin(x, y); }
inline double max(double x, double y) { return fmax(x, y); }

inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
inline double __fma_rn(double x, double y, double z) { return fma(x, y, z); }
inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fsub_rn(float x, float y) { return x - y; }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return rsqrtf(x); }
inline double __dadd_rn(double x, double y) { return x + y; }
inline double __dsub_rn(double x, double y) { return x - y; }
inline double __dmul_rn(double x, double y) { return x * y; }
inline double __ddiv_rn(double x, double y) { return x / y; }
inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __log2f(float x) { return log2f(x); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __saturatef(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }

inline unsigned __float_as_uint(float x) { return rnnc_cpu::from_bits<unsigned>(rnnc_cpu::to_bits(x)); }
inline int __float_as_int(float x) { return rnnc_cpu::from_bits<int>(rnnc_cpu::to_bits(x)); }
inline float __uint_as_float(unsigned x) { return rnnc_cpu::from_bits<float>(x); }
inline float __int_as_float(int x) { return rnnc_cpu::from_bits<float>((unsigned)x); }
inline long long __double_as_longlong(double x) { return (long long)rnnc_cpu::to_bits(x); }
inline double __longlong_as_double(long long x) { return rnnc_cpu::from_bits<double>((unsigned long long)x); }
inline float __int2float_rn(int x) { return (float)x; }
inline float __uint2float_rn(unsigned x) { return (float)x; }
inline int __float2int_rz(float x) { return (int)x; }
inline int __float2int_rn(float x) { return (int)rintf(x); }
inline float __double2float_rn(double x) { return (float)x; }
inline unsigned __umulhi(unsigned x, unsigned y) { return (unsigned)((unsigned long long)x * y >> 32); }
inline int __mulhi(int x, int y) { return (int)((long long)x * y >> 32); }
inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
  return (unsigned long long)((unsigned __int128)x * y >> 64);
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
inline int __ffs(int x) { return __builtin_ffs(x); }
template <typename T> inline T __ldg(const T* p) { return *p; }
template <typename T> inline T __ldcg(const T* p) { return *p; }
template <typename T> inline T __ldcs(const T* p) { return *p; }
template <typename T> inline void __stcg(T* p, T x) { *p = x; }
template <typename T> inline void __stcs(T* p, T x) { *p = x; }
inline size_t __cvta_generic_to_shared(const void* p) { return (size_t)p; }
