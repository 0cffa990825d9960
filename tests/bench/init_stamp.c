/* Writes the wall clock in microseconds to FILE.<rank> once MPI_Init has returned.
   usage: init_stamp FILE */
#include <mpi.h>
#include <stdio.h>
#include <time.h>

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  char path[4200];
  if (argc < 2) return 2;
  snprintf(path, sizeof path, "%s.%d", argv[1], rank);
  FILE* file = fopen(path, "w");
  if (!file) return 1;
  fprintf(file, "%lld\n", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
  fclose(file);
  MPI_Finalize();
  return 0;
}
