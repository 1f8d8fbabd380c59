# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# How each library is built: the current folder is its source, $PREFIX gets it. Sourced by portable.sh. Features that
# postern does not use are left out: what is not there needs no update.

with_cmake() { # OPTION...
  cmake -S . -B build-portable -G Ninja -DCMAKE_TOOLCHAIN_FILE="$HERE/toolchain.cmake" -DCMAKE_INSTALL_PREFIX="$PREFIX" \
    -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS="$FLAGS" -DCMAKE_CXX_FLAGS="$FLAGS" \
    -DCMAKE_C_FLAGS_RELEASE=-DNDEBUG -DCMAKE_CXX_FLAGS_RELEASE=-DNDEBUG -DBUILD_SHARED_LIBS=OFF -DBUILD_TESTING=OFF "$@"
  cmake --build build-portable -j "$JOBS"
  cmake --install build-portable
}
with_configure() { # OPTION...
  CC="$TOOLS/clang" CFLAGS="$FLAGS" AR="$TOOLS/ar" RANLIB="$TOOLS/ranlib" PKG_CONFIG_LIBDIR="$PREFIX/lib/pkgconfig" \
    ./configure --host="$ARCH-linux-gnu" --prefix="$PREFIX" --libdir="$PREFIX/lib" --disable-shared --enable-static "$@"
}
with_make() { # ARGUMENT...: what autoconf and automake made is taken as it is, whatever a patch touched
  make -j "$JOBS" ACLOCAL=: AUTOCONF=: AUTOMAKE=: AUTOHEADER=: MAKEINFO=: "$@"
}

build_zlib() {
  CC="$TOOLS/clang" CFLAGS="$FLAGS" AR="$TOOLS/ar" RANLIB="$TOOLS/ranlib" ./configure --static --prefix="$PREFIX"
  make -j "$JOBS" libz.a
  make install
}
build_libuv() {
  with_cmake -DLIBUV_BUILD_SHARED=OFF -DLIBUV_BUILD_TESTS=OFF -DLIBUV_BUILD_BENCH=OFF
  sed 's/-l:libuv.a/-luv/' "$PREFIX/lib/pkgconfig/libuv-static.pc" >"$PREFIX/lib/pkgconfig/libuv.pc"
}
build_c-ares() {
  with_cmake -DCARES_STATIC=ON -DCARES_SHARED=OFF -DCARES_BUILD_TOOLS=OFF -DCARES_BUILD_TESTS=OFF
}
build_openssl() { # modules would be looked for in a folder of ours; engines and legacy ciphers nobody asks for
  # It keeps its prefix, its compiler's name and its flags as text: none of them names a folder of this machine.
  local PATH=$TOOLS:$PATH
  CC=clang AR=ar RANLIB=ranlib ./Configure "linux-$ARCH" --prefix=/usr --libdir=lib --openssldir=/etc/ssl \
    no-shared no-module no-dso no-engine no-legacy no-apps no-tests no-docs no-quic no-dtls no-srp no-cmp no-ts no-idea \
    no-mdc2 no-rc5 no-ssl3 no-ssl3-method "${FLAGS% -ffile-prefix-map=*}"
  make -j "$JOBS" build_libs
  make install_dev DESTDIR="$PREFIX/openssl"
  cp -r "$PREFIX"/openssl/usr/* "$PREFIX/"
  rm -r "$PREFIX/openssl"
  sed -i "s#^prefix=.*#prefix=$PREFIX#" "$PREFIX"/lib/pkgconfig/{openssl,libssl,libcrypto}.pc
}
build_ldns() {
  with_configure --with-ssl="$PREFIX" --disable-dane --disable-gost --without-drill --without-examples --without-pyldns
  with_make lib
  make install-h install-lib
  cp packaging/libldns.pc "$PREFIX/lib/pkgconfig/ldns.pc"
}
build_libmicrohttpd() {
  with_configure --disable-https --disable-doc --disable-examples --disable-curl --disable-tools
  with_make -C src/microhttpd libmicrohttpd.la
  make -C src/include install
  make -C src/microhttpd install-libLTLIBRARIES
  cp libmicrohttpd.pc "$PREFIX/lib/pkgconfig/"
}
build_curl() { # the program names the CA certificates itself: core/trust_store.h
  with_cmake -DBUILD_CURL_EXE=OFF -DBUILD_LIBCURL_DOCS=OFF -DBUILD_MISC_DOCS=OFF -DENABLE_CURL_MANUAL=OFF \
    -DHTTP_ONLY=ON -DCURL_USE_OPENSSL=ON -DENABLE_ARES=ON -DENABLE_THREADED_RESOLVER=OFF -DCURL_USE_LIBPSL=OFF \
    -DCURL_USE_LIBSSH2=OFF -DUSE_NGHTTP2=OFF -DUSE_LIBIDN2=OFF -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF -DCURL_DISABLE_NTLM=ON \
    -DCURL_DISABLE_ALTSVC=ON -DCURL_DISABLE_HSTS=ON -DCURL_CA_BUNDLE=none -DCURL_CA_PATH=none -DCURL_CA_FALLBACK=OFF
}
build_fmt() { # its one compiled unit is core/fmt.cpp
  with_cmake -DFMT_TEST=OFF -DFMT_DOC=OFF
}
