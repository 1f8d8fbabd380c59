# SPDX-License-Identifier: Apache-2.0
# The compiler of the wheel, and the libraries in its prefix only: portable.sh sets the variables of the environment.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR $ENV{POSTERN_ARCH})
set(CMAKE_C_COMPILER $ENV{POSTERN_TOOLS}/clang)
set(CMAKE_CXX_COMPILER $ENV{POSTERN_TOOLS}/clang++)
set(CMAKE_AR $ENV{POSTERN_TOOLS}/ar)
set(CMAKE_RANLIB $ENV{POSTERN_TOOLS}/ranlib)
set(CMAKE_CXX_COMPILER_AR $ENV{POSTERN_TOOLS}/ar)
set(CMAKE_CXX_COMPILER_RANLIB $ENV{POSTERN_TOOLS}/ranlib)
set(CMAKE_PREFIX_PATH $ENV{POSTERN_PREFIX})
set(CMAKE_FIND_USE_CMAKE_SYSTEM_PATH OFF)  # nothing of /usr
set(CMAKE_FIND_USE_PACKAGE_REGISTRY OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_SKIP_RPATH ON)
set(OPENSSL_USE_STATIC_LIBS ON)
set(OPENSSL_ROOT_DIR $ENV{POSTERN_PREFIX})
set(ENV{PKG_CONFIG_LIBDIR} $ENV{POSTERN_PREFIX}/lib/pkgconfig)
set(ENV{PKG_CONFIG_PATH} "")
# Libraries of libc's own that the archives need; the linker drops those that a program does not use.
set(CMAKE_C_STANDARD_LIBRARIES_INIT "-lpthread -ldl -lrt -lm")
set(CMAKE_CXX_STANDARD_LIBRARIES_INIT "-lpthread -ldl -lrt -lm")
