# Warnings are errors for our own code; generated code is compiled without them.
add_library(muster_options INTERFACE)
target_compile_options(muster_options INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Werror -fno-omit-frame-pointer)
target_compile_definitions(muster_options INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ERROR_CODE_HEADER_ONLY)
target_include_directories(muster_options INTERFACE ${CMAKE_SOURCE_DIR})

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

set(MUSTER_SANITIZE "" CACHE STRING "Sanitizers: empty, address,undefined or thread")
if(MUSTER_SANITIZE)
  add_compile_options(-fsanitize=${MUSTER_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MUSTER_SANITIZE})
endif()
if(MUSTER_SANITIZE MATCHES thread)
  # ThreadSanitizer knows no fences. Asio's are there for handlers that pass from thread to thread without its
  # queue, which has a lock of its own.
  add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
endif()

# The presets with CMAKE_UNITY_BUILD compile sources of a target together, in a third of the time. Where two files
# of a target use one name for different things, SKIP_UNITY_BUILD_INCLUSION keeps one of them apart.

# What is installed is built by name (scripts/package); tests need not be built for it.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
