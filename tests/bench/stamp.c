/* Writes the wall clock in microseconds to FILE.<rank> as its first act: "first instruction of the process".
   usage: stamp FILE */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char** argv) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const char* rank = getenv("RANK");
  char path[4200];
  if (argc < 2) return 2;
  snprintf(path, sizeof path, "%s.%s", argv[1], rank ? rank : "0");
  FILE* file = fopen(path, "w");
  if (!file) return 1;
  fprintf(file, "%lld\n", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
  return fclose(file) == 0 ? 0 : 1;
}
