/* SPDX-License-Identifier: MIT */
/* A batch in a bytearray of its own: its memory is not cleared first, which would cost as much as
 * to count what it holds. */
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include <errno.h>
#include "sigsnoop.h"
#include "reader.h"

long reader_fill_bytes(struct reader *reader, uintptr_t bytes, size_t capacity, bool all)
{
	/* cffi calls without the interpreter's lock. */
	PyGILState_STATE state = PyGILState_Ensure();
	PyObject *array = (PyObject *)bytes;
	struct sigsnoop_send *batch = NULL;
	long count = -ENOMEM;

	if (!PyByteArray_Resize(array, capacity * sizeof(*batch)))
		batch = (void *)PyByteArray_AsString(array);
	if (batch) {
		PyThreadState *thread = PyEval_SaveThread();

		count = reader_fill(reader, batch, capacity, all);
		PyEval_RestoreThread(thread);
		if (PyByteArray_Resize(array, count > 0 ? count * sizeof(*batch) : 0))
			count = -ENOMEM;
	}
	PyErr_Clear();
	PyGILState_Release(state);
	return count;
}
