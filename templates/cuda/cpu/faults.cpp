// From what went wrong to a report: who, where and why. A fault ends the launch at once, from any stack.
#include <cstdarg>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

namespace rnnc_cpu {

Place at_address(const void* code) {
  return (Place)(static_cast<const char*>(code) - run->image_start - 1);  // inside the call that returns there
}
static bool in_image(const void* code) { return code >= run->image_start && code < run->image_end; }

// Where the library that holds the kernel's code lies in memory.
static int note_image(dl_phdr_info* info, size_t, void*) {
  uintptr_t code = reinterpret_cast<uintptr_t>(run->entry->call), end = info->dlpi_addr;
  for (int i = 0; i < info->dlpi_phnum; ++i)
    if (info->dlpi_phdr[i].p_type == PT_LOAD)
      end = std::max<uintptr_t>(end, info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz);
  if (code < info->dlpi_addr || code >= end) return 0;
  run->image_start = reinterpret_cast<const char*>(info->dlpi_addr);
  run->image_end = reinterpret_cast<const char*>(end);
  return 1;
}

static void place_report(Report* report, const Fiber* f) {
  const Index none{~0u, ~0u, ~0u}, b = f ? f->block->index : none, t = f ? f->thread : none;
  report->block[0] = b.x, report->block[1] = b.y, report->block[2] = b.z;
  report->thread[0] = t.x, report->thread[1] = t.y, report->thread[2] = t.z;
}

[[noreturn]] void fail(Fault kind, Place place, const char* format, ...) {
  Report* report = run->report;
  report->kind = (int)kind;
  report->place = place;
  place_report(report, run->current);
  va_list values;
  va_start(values, format);
  vsnprintf(report->message, sizeof report->message, format, values);
  va_end(values);
  longjmp(run->out, 1);
}

void trap(int line) { fail(Fault::trap, at_line(line), "__trap"); }

// ---- nobody gets on: where everybody is ----

static std::string doing(const Fiber& f) {
  switch (f.state) {
    case State::at_block: return "wait at a barrier of the block";
    case State::at_cluster: return "wait at a barrier of the cluster";
    case State::at_warp: {
      char text[96];
      snprintf(text, sizeof text, "wait in %s (mask 0x%08x)", operation_of(&f), f.mask);
      return text;
    }
    default: return f.spinning ? "spin" : "can run";
  }
}

[[noreturn]] void fail_stuck(Fault kind) {
  struct Group { const Fiber* first; unsigned count; };
  std::vector<std::pair<std::string, Group>> groups;
  std::map<std::string, size_t> place;
  for (const Fiber& f : run->fibers) {
    if (f.state == State::done) continue;
    std::string key = doing(f) + ", line " + std::to_string(f.line);
    auto found = place.emplace(key, groups.size());
    if (found.second) groups.push_back({key, {&f, 0}});
    ++groups[found.first->second].second.count;
  }
  std::string text = kind == Fault::livelock ? "threads only update and spin, and none gets on:" : "no thread gets on:";
  for (size_t i = 0; i < groups.size() && i < 8; ++i) {
    const Group& g = groups[i].second;
    const Index b = g.first->block->index, t = g.first->thread;
    char line[320];
    snprintf(line, sizeof line, "\n  %u threads %s; first: block (%u,%u,%u), thread (%u,%u,%u)", g.count,
             groups[i].first.c_str(), b.x, b.y, b.z, t.x, t.y, t.z);
    text += line;
  }
  if (run->current->state == State::done) run->current = const_cast<Fiber*>(groups[0].second.first);
  fail(kind, at_line(run->current->line), "%s", text.c_str());
}

// ---- signals: a guard was touched, or a thread never waits ----

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
static struct sigaction old_actions[sizeof kSignals / sizeof kSignals[0] + 1];
static pthread_t owner;
static timer_t timer;
static stack_t old_stack;
static char signal_stack[64 << 10];

static int timer_signal() { return SIGRTMIN + 5; }

static const void* code_of(void* context) {
  [[maybe_unused]] ucontext_t* c = static_cast<ucontext_t*>(context);
#if defined(__x86_64__)
  return reinterpret_cast<const void*>(c->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return reinterpret_cast<const void*>(c->uc_mcontext.pc);
#else
  return nullptr;
#endif
}

static void arm(double seconds) {
  itimerspec when{};
  when.it_value.tv_sec = (time_t)seconds;
  when.it_value.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9);
  timer_settime(timer, 0, &when, nullptr);
}

static void fail_address(const char* address, Place place) {
  const Fiber* self = run->current;
  if (Region* region = region_of(address))
    fail(Fault::bounds, place, "access %s", outside(*region, address).c_str());
  if (address < self->stack && address >= self->stack - (64 << 10))
    fail(Fault::stack, place, "the local variables of a thread need more than %zu KiB", kStack >> 10);
  if (address < reinterpret_cast<const char*>(4096))
    fail(Fault::bounds, place, "access through a null pointer (or one that is misaligned for a vector)");
  fail(Fault::bounds, place, "access at an address that belongs to no argument");
}

static void on_signal(int number, siginfo_t* info, void* context) {
  if (run == nullptr || run->current == nullptr || !pthread_equal(owner, pthread_self())) {
    for (size_t i = 0; i < sizeof kSignals / sizeof kSignals[0]; ++i)
      if (kSignals[i] == number) sigaction(number, &old_actions[i], nullptr);  // comes again, to whom it belongs
    return;
  }
  const void* code = code_of(context);
  if (number == timer_signal()) {
    if (!in_image(code)) return arm(0.002);  // inside the C library, which may hold a lock
    fail(Fault::hang, at_address(static_cast<const char*>(code) + 1),
         "a thread has run for %g s since the launch without ending", run->launch->seconds);
  }
  Place place = in_image(code) ? at_address(static_cast<const char*>(code) + 1) : at_line(run->current->line);
  if (number == SIGFPE) fail(Fault::arithmetic, place, "division of integers by zero");
  if (number == SIGILL) fail(Fault::trap, place, "code that cannot be reached");
  fail_address(static_cast<const char*>(info->si_addr), place);
}

static void catch_signals() {
  owner = pthread_self();
  stack_t stack{};
  stack.ss_sp = signal_stack;
  stack.ss_size = sizeof signal_stack;
  sigaltstack(&stack, &old_stack);
  struct sigaction action{};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  size_t i = 0;
  for (int number : kSignals) sigaction(number, &action, &old_actions[i++]);
  sigaction(timer_signal(), &action, &old_actions[i]);
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = timer_signal();
  event._sigev_un._tid = (int)syscall(SYS_gettid);
  timer_create(CLOCK_MONOTONIC, &event, &timer);
  arm(run->launch->seconds);
}

static void release_signals() {
  timer_delete(timer);
  size_t i = 0;
  for (int number : kSignals) sigaction(number, &old_actions[i++], nullptr);
  sigaction(timer_signal(), &old_actions[i], nullptr);
  sigaltstack(&old_stack, nullptr);
}

}  // namespace rnnc_cpu
