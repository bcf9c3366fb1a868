// Functions of numbers, overloaded for float and double; `real` is one of them.

__device__ inline double inf_() { return __longlong_as_double(0x7ff0000000000000LL); }
__device__ inline double nan_() { return __longlong_as_double(0x7ff8000000000000LL); }

#define RNNC_UNARY(name, single, twofold)                   \
  __device__ inline float name(float x) { return single; } \
  __device__ inline double name(double x) { return twofold; }

RNNC_UNARY(exp_, expf(x), exp(x))
RNNC_UNARY(expm1_, expm1f(x), expm1(x))
RNNC_UNARY(log_, logf(x), log(x))
RNNC_UNARY(log1p_, log1pf(x), log1p(x))
RNNC_UNARY(sqrt_, sqrtf(x), sqrt(x))
RNNC_UNARY(rsqrt_, 1.0f / sqrtf(x), 1.0 / sqrt(x))
RNNC_UNARY(reciprocal_, 1.0f / x, 1.0 / x)
RNNC_UNARY(tanh_, tanhf(x), tanh(x))
RNNC_UNARY(sigmoid_, __fdividef(1.0f, 1.0f + expf(-x)), 1.0 / (1.0 + exp(-x)))  // within two units, without a branch
RNNC_UNARY(softplus_, fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))), fmax(x, 0.0) + log1p(exp(-fabs(x))))
RNNC_UNARY(log_sigmoid_, fminf(x, 0.0f) - log1pf(expf(-fabsf(x))), fmin(x, 0.0) - log1p(exp(-fabs(x))))
RNNC_UNARY(sin_, sinf(x), sin(x))
RNNC_UNARY(cos_, cosf(x), cos(x))
RNNC_UNARY(tan_, tanf(x), tan(x))
RNNC_UNARY(atan_, atanf(x), atan(x))
RNNC_UNARY(sinh_, sinhf(x), sinh(x))
RNNC_UNARY(cosh_, coshf(x), cosh(x))
RNNC_UNARY(asin_, asinf(x), asin(x))
RNNC_UNARY(acos_, acosf(x), acos(x))
RNNC_UNARY(asinh_, asinhf(x), asinh(x))
RNNC_UNARY(acosh_, acoshf(x), acosh(x))
RNNC_UNARY(atanh_, atanhf(x), atanh(x))
RNNC_UNARY(erf_, erff(x), erf(x))
RNNC_UNARY(floor_, floorf(x), floor(x))
RNNC_UNARY(ceil_, ceilf(x), ceil(x))
RNNC_UNARY(round_, rintf(x), rint(x))

template <typename N> __device__ inline N abs_(N x) { return x < 0 ? -x : x == 0 ? N(0) : x; }
template <typename N> __device__ inline N sign_(N x) { return x > 0 ? N(1) : x < 0 ? N(-1) : x; }
template <typename N> __device__ inline N square_(N x) { return x * x; }
// Comparisons with what is no number are false: such operands go through.
template <typename N> __device__ inline N relu_(N x) { return x <= 0 ? N(0) : x; }
template <typename N> __device__ inline N max_(N a, N b) { return a >= b || a != a ? a : b; }
template <typename N> __device__ inline N min_(N a, N b) { return a <= b || a != a ? a : b; }
template <typename N> __device__ inline N clip_(N x, N low, N high) { return min_(max_(x, low), high); }

// Quotients are rounded down, remainders have the divisor's sign.
__device__ inline float floordiv_(float a, float b) { return floorf(a / b); }
__device__ inline double floordiv_(double a, double b) { return floor(a / b); }
__device__ inline int floordiv_(int a, int b) {
  if (b == 0) return 0;
  const int quotient = a / b;
  return quotient - (a % b != 0 && (a < 0) != (b < 0));
}
template <typename N> __device__ inline N with_sign_(N rest, N b) {
  return rest == 0 ? N(0) : (rest < 0) != (b < 0) ? rest + b : rest;
}
__device__ inline float mod_(float a, float b) { return with_sign_(fmodf(a, b), b); }
__device__ inline double mod_(double a, double b) { return with_sign_(fmod(a, b), b); }
__device__ inline int mod_(int a, int b) { return b == 0 ? 0 : with_sign_(a % b, b); }

__device__ inline float pow_(float a, float b) { return powf(a, b); }
__device__ inline double pow_(double a, double b) { return pow(a, b); }
__device__ inline int pow_(int a, int b) {
  int result = 1;
  for (; b > 0; b >>= 1, a *= a)
    if (b & 1) result *= a;
  return result;
}

__device__ inline long long within_(long long n, long long most) { return n < 0 ? 0 : n > most ? most : n; }

// Two halves that lie side by side, in one register, as matrix fragments hold them.
template <typename I> __device__ __forceinline__ unsigned pair_at(const I* at) { return *(const unsigned*)at; }
