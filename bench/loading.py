"""Times torchvision's loading of training images, by PIL and by tensors; processes in place of threads.

usage: loading.py PIXELS PROCESSES COUNT FILE..     two lines: pil or tensors, CPU and wall milliseconds an image
"""
import multiprocessing
import sys
import time

import torch
import torchvision
from PIL import Image
from torchvision.transforms import v2

JITTER = {"brightness": (.75, 1 / .75), "saturation": (.75, 1 / .75), "hue": .1}


def crop(pixels):
    return v2.RandomCrop(32, padding=4) if pixels == 32 else v2.RandomResizedCrop(pixels)


def open_with_pil(path):
    with open(path, "rb") as file:
        return Image.open(file).convert("RGB")


def open_as_tensor(path):
    return torchvision.io.decode_image(torchvision.io.read_file(path), torchvision.io.ImageReadMode.RGB)


def loader(kind, pixels):
    steps = [crop(pixels), v2.RandomHorizontalFlip(), v2.ColorJitter(**JITTER)]
    if kind == "pil":
        steps = v2.Compose(steps + [v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True)])
        return lambda path: steps(open_with_pil(path))
    steps = v2.Compose(steps + [v2.ToDtype(torch.float32, scale=True)])
    return lambda path: steps(open_as_tensor(path))


def work(kind, pixels, first, step, count, files, ready, results):
    torch.set_num_threads(1)
    torch.manual_seed(first + 1)
    load = loader(kind, pixels)
    for path in files:
        load(path)
    ready.wait()
    start, cpu = time.perf_counter(), time.process_time()
    for i in range(first, count, step):
        load(files[i % len(files)])
    results.put((time.process_time() - cpu, start, time.perf_counter()))


def main():
    pixels, processes, count = map(int, sys.argv[1:4])
    files = sys.argv[4:]
    for kind in ("pil", "tensors"):
        ready, results = multiprocessing.Barrier(processes), multiprocessing.Queue()
        workers = [multiprocessing.Process(target=work, args=(kind, pixels, i, processes, count, files, ready, results))
                   for i in range(processes)]
        for worker in workers:
            worker.start()
        times = [results.get() for _ in workers]
        for worker in workers:
            worker.join()
        wall = max(end for _, _, end in times) - min(start for _, start, _ in times)
        print(f"{kind} {sum(cpu for cpu, _, _ in times) * 1e3 / count:.4f} {wall * 1e3 / count:.4f}")


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    main()
