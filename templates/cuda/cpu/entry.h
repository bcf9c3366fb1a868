// How the runtime calls a kernel: one entry per kernel, with its parameters as the compiler sees them.
#pragma once

namespace rnnc_cpu {

template <typename T> struct Kind { static constexpr char kind = 'x'; static constexpr unsigned bytes = sizeof(T); };
template <> struct Kind<void> { static constexpr char kind = 'c'; static constexpr unsigned bytes = 1; };
#define RNNC_KIND(T, letter) \
  template <> struct Kind<T> { static constexpr char kind = letter; static constexpr unsigned bytes = sizeof(T); };
RNNC_KIND(float, 'f') RNNC_KIND(double, 'f') RNNC_KIND(bool, 'b') RNNC_KIND(f16, 'h') RNNC_KIND(bf16, 'B')
RNNC_KIND(char, 'c') RNNC_KIND(signed char, 'i') RNNC_KIND(short, 'i') RNNC_KIND(int, 'i') RNNC_KIND(long, 'i')
RNNC_KIND(long long, 'i') RNNC_KIND(unsigned char, 'u') RNNC_KIND(unsigned short, 'u') RNNC_KIND(unsigned, 'u')
RNNC_KIND(unsigned long, 'u') RNNC_KIND(unsigned long long, 'u')
#undef RNNC_KIND

template <typename T> struct Described {
  static constexpr Parameter value = {Kind<T>::kind, false, false, Kind<T>::bytes};
};
template <typename T> struct Described<T*> {
  static constexpr Parameter value = {Kind<T>::kind, true, false, Kind<T>::bytes};
};
template <typename T> struct Described<const T*> {
  static constexpr Parameter value = {Kind<T>::kind, true, true, Kind<T>::bytes};
};

template <typename T> struct Bare { typedef T type; };
template <typename T> struct Bare<const T> { typedef T type; };

template <auto kernel> struct Call;
template <typename... P, void (*kernel)(P...)> struct Call<kernel> {
  static constexpr unsigned count = sizeof...(P);
  static constexpr Parameter parameters[count + 1] = {Described<typename Bare<P>::type>::value..., {}};
  template <int... I> struct Places {};
  template <int N, int... I> struct Range : Range<N - 1, N - 1, I...> {};
  template <int... I> struct Range<0, I...> { typedef Places<I...> type; };
  template <int... I> RNNC_PLAIN static void spread(void** values, Places<I...>) {
    (void)values;
    kernel(*static_cast<typename Bare<P>::type*>(values[I])...);
  }
  RNNC_PLAIN static void call(void** values) { spread(values, typename Range<count>::type()); }
};

}  // namespace rnnc_cpu

#define RNNC_ENTRY(name)                                                                          \
  extern "C" __attribute__((visibility("default"))) const rnnc_cpu::Entry rnnc_entry_##name = {   \
      &rnnc_cpu::Call<&name>::call, rnnc_cpu::Call<&name>::parameters, rnnc_cpu::Call<&name>::count};
