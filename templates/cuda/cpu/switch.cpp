// Fibers: a stack each, and the switch between two of them.
#include <sys/mman.h>
#if !defined(__x86_64__) || defined(RNNC_UCONTEXT)
#include <ucontext.h>
#endif

namespace rnnc_cpu {

constexpr size_t kStackGuard = 4096;
constexpr size_t kGuardedStacks = 8192;  // a guard costs two of the process's 65530 mappings

#if defined(__x86_64__) && !defined(RNNC_UCONTEXT)
extern "C" void rnnc_switch(void** from, void* to);
extern "C" void rnnc_start();
asm(R"(
.text
.type rnnc_switch, @function
rnnc_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size rnnc_switch, .-rnnc_switch
.type rnnc_start, @function
rnnc_start:
  xorl %ebp, %ebp
  callq *%r12
  ud2
.size rnnc_start, .-rnnc_start
)");

static void* first_frame(char*, char* top, void (*body)()) {
  uint64_t* sp = reinterpret_cast<uint64_t*>(reinterpret_cast<uintptr_t>(top) & ~uintptr_t(15));
  sp -= 2;  // rnnc_start runs with an aligned stack, as a caller must
  *--sp = reinterpret_cast<uint64_t>(&rnnc_start);
  *--sp = 0;                                 // rbp
  *--sp = 0;                                 // rbx
  *--sp = reinterpret_cast<uint64_t>(body);  // r12
  sp -= 3;
  sp[0] = sp[1] = sp[2] = 0;
  return sp;
}
static inline void switch_context(void** from, void* to) { rnnc_switch(from, to); }
#else
static void* first_frame(char* stack, char* top, void (*body)()) {
  top -= sizeof(ucontext_t);  // where it stays for as long as the fiber lives
  ucontext_t* context = reinterpret_cast<ucontext_t*>(reinterpret_cast<uintptr_t>(top) & ~uintptr_t(63));
  getcontext(context);
  context->uc_stack.ss_sp = stack;
  context->uc_stack.ss_size = (size_t)(reinterpret_cast<char*>(context) - stack);
  context->uc_link = nullptr;
  makecontext(context, body, 0);
  return context;
}
static void switch_context(void** from, void* to) {
  ucontext_t here;  // lives on this fiber's stack for as long as it is away
  *from = &here;
  swapcontext(&here, static_cast<ucontext_t*>(to));
}
#endif

// Stacks are kept between launches: touching fresh memory costs more than a short kernel.
static std::vector<char*> free_stacks;
static size_t stacks_made = 0;

static char* take_stack() {
  if (free_stacks.empty()) {
    size_t count = stacks_made < 1024 ? 64 : 1024, size = kStack + kStackGuard;
    void* memory = mmap(nullptr, count * size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) fail(Fault::resources, 0, "no memory for the stacks of %zu threads", stacks_made + count);
    for (size_t i = count; i-- > 0;) {
      char* slot = static_cast<char*>(memory) + i * size;
      if (stacks_made + i < kGuardedStacks) mprotect(slot, kStackGuard, PROT_NONE);
      free_stacks.push_back(slot + kStackGuard);
    }
    stacks_made += count;
  }
  char* stack = free_stacks.back();
  free_stacks.pop_back();
  return stack;
}

}  // namespace rnnc_cpu
