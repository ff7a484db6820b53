// A plugin for QEMU's user-mode emulation (interface version 1) that counts instructions.
//
// Whenever the program makes a system call whose first argument is MARK, it prints the
// instructions executed so far. For programs that compute in one thread.

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define MARK 0x656d6f74

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;

// From qemu-plugin.h, which Debian does not ship.
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*call)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int operation,
                                              void *counter, uint64_t number);
void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t id,
                                          void (*call)(qemu_plugin_id_t, unsigned, int64_t,
                                                       uint64_t, uint64_t, uint64_t, uint64_t,
                                                       uint64_t, uint64_t, uint64_t, uint64_t));
enum { ADD_U64 = 0 };

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int qemu_plugin_version = 1;

static uint64_t executed;

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
  (void)id;
  qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &executed,
                                           qemu_plugin_tb_n_insns(block));
}

static void called(qemu_plugin_id_t id, unsigned cpu, int64_t number, uint64_t a1, uint64_t a2,
                   uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8) {
  (void)id, (void)cpu, (void)number, (void)a2, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7,
      (void)a8;
  if (a1 == MARK) {
    fprintf(stderr, "executed %" PRIu64 "\n", executed);
  }
}

EXPORTED int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int count, char **options) {
  (void)info, (void)count, (void)options;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_vcpu_syscall_cb(id, called);
  return 0;
}
