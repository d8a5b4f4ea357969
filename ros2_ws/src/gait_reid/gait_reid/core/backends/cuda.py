"""The little of the CUDA driver API that inference needs, through ctypes.

``libcuda`` comes with every driver, on desktops and on Jetson alike, so nothing has to be
installed for it. The device's primary context is used, which is the one of the CUDA runtime and
thus of TensorRT and ONNX Runtime (CUDA C++ Programming Guide, "Interoperability between Runtime and
Driver APIs").
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from gait_reid.core.backends.base import BackendError

_LIBRARIES = ("libcuda.so.1", "libcuda.so")
_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_{MAJOR,MINOR}
_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING


class CudaError(BackendError):
    """A call to the CUDA driver failed."""


def load_library() -> Any:
    """Return the driver's library.

    Raises:
        CudaError: There is none.
    """
    reason = ""
    for name in _LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError as error:
            reason = reason or str(error)
    raise CudaError(f"the CUDA driver cannot be loaded ({reason})")


def device_count(load: Callable[[], Any] = load_library) -> int:
    """Return the number of CUDA devices; 0 as well where there is no driver."""
    try:
        return Driver(load).device_count()
    except CudaError:
        return 0


class Driver:
    """The driver's functions; each raises CudaError when it fails."""

    def __init__(self, load: Callable[[], Any] = load_library) -> None:
        self._library = load()
        self.call("cuInit", ctypes.c_uint(0))

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function of the driver."""
        status = int(getattr(self._library, name)(*arguments))
        if status:
            raise CudaError(f"{name} failed with CUDA error {status}{self._explain(status)}")

    def _explain(self, status: int) -> str:
        text = ctypes.c_char_p()
        if self._library.cuGetErrorString(ctypes.c_int(status), ctypes.byref(text)) or not text:
            return ""
        return f" ({(text.value or b'').decode(errors='replace')})"

    def device_count(self) -> int:
        """Return the number of devices."""
        count = ctypes.c_int(0)
        self.call("cuDeviceGetCount", ctypes.byref(count))
        return count.value


class Device:
    """One device with a stream of its own.

    Attributes:
        name: For example ``Orin``.
        compute_capability: For example ``8.7``.
        stream: Handle of the stream, for TensorRT.
    """

    def __init__(self, load: Callable[[], Any] = load_library, ordinal: int = 0) -> None:
        """Open a device.

        Raises:
            CudaError: There is no such device, or it cannot be used.
        """
        self._driver = Driver(load)
        count = self._driver.device_count()
        if ordinal >= count:
            raise CudaError(f"CUDA device {ordinal} is wanted, but there are {count}")
        handle = ctypes.c_int(0)
        self._driver.call("cuDeviceGet", ctypes.byref(handle), ctypes.c_int(ordinal))
        self._handle = handle
        self.name = self._get_name()
        self.compute_capability = f"{self._attribute(_MAJOR)}.{self._attribute(_MINOR)}"
        self._context = ctypes.c_void_p()
        self._driver.call("cuDevicePrimaryCtxRetain", ctypes.byref(self._context), handle)
        self.activate()
        stream = ctypes.c_void_p()
        self._driver.call("cuStreamCreate", ctypes.byref(stream), ctypes.c_uint(_NON_BLOCKING))
        self.stream = int(stream.value or 0)

    def _get_name(self) -> str:
        text = ctypes.create_string_buffer(256)
        self._driver.call("cuDeviceGetName", text, ctypes.c_int(len(text)), self._handle)
        return text.value.decode(errors="replace")

    def _attribute(self, number: int) -> int:
        value = ctypes.c_int(0)
        self._driver.call(
            "cuDeviceGetAttribute", ctypes.byref(value), ctypes.c_int(number), self._handle
        )
        return value.value

    def activate(self) -> None:
        """Make the device the calling thread's own."""
        self._driver.call("cuCtxSetCurrent", self._context)

    def allocate(self, num_bytes: int) -> int:
        """Return the address of new device memory."""
        address = ctypes.c_uint64(0)
        self._driver.call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(num_bytes))
        return address.value

    def free(self, address: int) -> None:
        """Release device memory."""
        self._driver.call("cuMemFree_v2", ctypes.c_uint64(address))

    def upload(self, address: int, array: npt.NDArray[Any]) -> None:
        """Copy a contiguous array to the device, in the order of the stream."""
        self._driver.call(
            "cuMemcpyHtoDAsync_v2",
            ctypes.c_uint64(address),
            ctypes.c_void_p(array.ctypes.data),
            ctypes.c_size_t(array.nbytes),
            ctypes.c_void_p(self.stream),
        )

    def download(self, address: int, array: npt.NDArray[Any]) -> None:
        """Copy from the device into a contiguous array, in the order of the stream."""
        self._driver.call(
            "cuMemcpyDtoHAsync_v2",
            ctypes.c_void_p(array.ctypes.data),
            ctypes.c_uint64(address),
            ctypes.c_size_t(array.nbytes),
            ctypes.c_void_p(self.stream),
        )

    def synchronize(self) -> None:
        """Wait until everything on the stream is done."""
        self._driver.call("cuStreamSynchronize", ctypes.c_void_p(self.stream))

    def close(self) -> None:
        """Give stream and context back."""
        self.activate()
        self._driver.call("cuStreamDestroy_v2", ctypes.c_void_p(self.stream))
        self._driver.call("cuDevicePrimaryCtxRelease", self._handle)


class Buffer:
    """Device memory that grows with what it has to hold.

    Attributes:
        address: On the device; changes when the buffer grows.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._size = 0
        self.address = 0

    def reserve(self, num_bytes: int) -> int:
        """Make room and return the address."""
        if num_bytes > self._size:
            self.release()
            self.address, self._size = self._device.allocate(num_bytes), num_bytes
        return self.address

    def upload(self, array: npt.NDArray[Any]) -> None:
        """Copy an array to the device."""
        self.reserve(array.nbytes)
        self._device.upload(self.address, np.ascontiguousarray(array))

    def release(self) -> None:
        """Give the memory back."""
        if self._size:
            self._device.free(self.address)
            self.address = self._size = 0
